// Why something does not move: the chain to its cause, across rows.

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { age, place } from "./words.js";

const FOLLOWED_MAX = 20;

/** How long a change waits for something before that is worth telling: most answers come sooner. */
export const PATIENCE_MS = 3000;

/**
 * Returns the links of a row with those of the rows that they lead to, each once with its depth.
 * A link back to a row on the way would say that it waits for itself: it is left out. `start` is the
 * kind and name of the row that the links are of.
 */
export function whole(links, rows, organization, start = "") {
  const heard = heardOf(rows, organization);
  const [found, told, seen] = [[], new Set(), new Set()];
  const add = (ahead, way) => {
    for (const one of ahead) {
      const at = `${one.kind} ${one.name}`;
      if (way.includes(at)) continue;
      const link = one.code === "no-cluster" && heard.has(one.name) ? awaited(one) : one;
      const same = `${at} ${link.code} ${link.message}`;
      if (!told.has(same)) found.push({ ...link, depth: way.length - 1 });
      told.add(same);
      if (!["change", "application"].includes(link.kind) || seen.has(at) || seen.size >= FOLLOWED_MAX) continue;
      seen.add(at);
      add(linksOf(link, rows, organization), [...way, at]);
    }
  };
  add(links, [start]);
  return found;
}

/** Returns the Environments of which something was seen lately: they have a cluster. */
function heardOf(rows, organization) {
  const found = new Set();
  for (const [key, { doc }] of rows) {
    const at = place(key);
    if (at.kind !== "application" || at.organization !== organization || !doc) continue;
    for (const { environment, health } of doc.bindings ?? []) if (health?.as_of && !health.stale_since) found.add(environment);
  }
  return found;
}

function awaited(link) {
  return { ...link, code: "pending", message: `the cluster of ${link.name} has not said anything of it yet`, what_to_do: "wait; if it lasts, look at Flux" };
}

function linksOf({ kind, name }, rows, organization) {
  for (const [key, { doc }] of rows) {
    const at = place(key);
    if (at.kind !== kind || at.name !== name || at.organization !== organization || !doc) continue;
    return kind === "change" ? (doc.blocked_by ?? []) : (doc.bindings ?? []).flatMap((one) => one.blocked_by ?? []);
  }
  return [];
}

/** Returns a chain as an element; null if nothing is in the way. */
export function chainOf(links) {
  if (!links.length) return null;
  const now = Date.now();
  return el("div", { class: "why" }, el("h4", {}, icon("clock"), "What it waits for"),
    el("ol", {}, links.map((link) => el("li", link.depth ? { class: `below-${Math.min(link.depth, 3)}` } : {},
      el("p", { text: link.message }),
      el("p", { class: "quiet", text: [link.since ? `for ${age(link.since, now)}` : "", link.who ? `${link.who}: ${link.what_to_do}` : link.what_to_do].filter(Boolean).join(" · ") })))));
}
