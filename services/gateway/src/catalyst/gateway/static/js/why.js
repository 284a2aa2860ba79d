// Why something does not move: the chain to its cause, across rows.

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { age, place } from "./words.js";

const FOLLOWED_MAX = 20;

/** Returns the links of a row with those of the rows that they lead to, the cause last. */
export function whole(links, rows, organization, seen = new Set()) {
  const found = [];
  for (const link of links) {
    found.push(link);
    const known = `${link.kind} ${link.name}`;
    if (!["change", "application"].includes(link.kind) || seen.has(known) || seen.size >= FOLLOWED_MAX) continue;
    seen.add(known);
    found.push(...whole(linksOf(link, rows, organization), rows, organization, seen));
  }
  return found;
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
    el("ol", {}, links.map((link) => el("li", {},
      el("p", { text: link.message }),
      el("p", { class: "quiet", text: [link.since ? `for ${age(link.since, now)}` : "", link.who ? `${link.who}: ${link.what_to_do}` : link.what_to_do].filter(Boolean).join(" · ") })))));
}
