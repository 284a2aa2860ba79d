// The four marks of an Application in an Environment, each with what it rests on and how old that is.

import { el } from "./dom.js";
import { age, asSeen, counted, exact } from "./words.js";

/** How each word is coloured; the word itself always stands there. */
export const BAD_FIRST = {
  healthy: "good",
  current: "good",
  progressing: "warn",
  pending: "warn",
  unknown: "warn",
  degraded: "bad",
  missing: "bad",
  failed: "bad",
};
const ORDER = ["healthy", "progressing", "degraded", "missing", "unknown"];

/** Returns the worst of several; nothing at all is healthy, and an unknown word is unknown. */
export function worst(found) {
  const ranks = found.map((one) => (ORDER.includes(one) ? ORDER.indexOf(one) : ORDER.length - 1));
  return ORDER[Math.max(0, ...ranks)];
}

/** Draws the marks of one Application in one Environment into a list, if they changed; `all` with what is well. */
export function marks(node, one, all = false) {
  const now = Date.now();
  const lines = [
    mark("Applied", one.applied, now, all),
    mark("Health", one.health, now, all),
    one.change
      ? { name: "Change", word: one.change.action, mood: "warn", rest: [one.change.change, `for ${age(one.change.since, now)}`], at: one.change.since }
      : { name: "Change", word: "none", mood: "", rest: ["nothing works on it"] },
    one.gate.open
      ? { name: "Gate", word: "open", mood: "", rest: ["no change waits"] }
      : { name: "Gate", word: "closed", mood: "warn", rest: [`${one.gate.change} waits for ${one.gate.waits_for.join(", ") || "its turn"}`, one.gate.since ? `for ${age(one.gate.since, now)}` : ""], at: one.gate.since },
  ];
  const text = JSON.stringify(lines);
  if (node.shown === text) return;
  node.shown = text;
  const open = [...node.querySelectorAll("details")].map((one) => one.open);
  node.replaceChildren(...lines.map(({ name, word, mood, rest, at, objects = [] }) => el("div", {},
    el("dt", { text: name }),
    el("dd", {}, el("span", { class: `badge dot ${mood}`, text: word }),
      el("span", { class: "quiet", title: at ? exact(at) : null, text: ` ${rest.filter(Boolean).join(" · ")}` }),
      objects.length ? el("details", {}, el("summary", { text: `What was seen: ${counted(objects.length, "object")}` }), el("ul", {}, objects.map((text) => el("li", { text })))) : null))));
  for (const [at, one] of node.querySelectorAll("details").entries()) one.open = open[at] ?? false;
}

function mark(name, { status, message, evidence, source, as_of: seen, stale_since: stale }, now, all) {
  const mood = Object.hasOwn(BAD_FIRST, status) ? BAD_FIRST[status] : "warn";
  const found = evidence ?? [];
  // Why something is not well is said once, with what to do about it: where it says what is in its way.
  const objects = all ? found.map((item) => [`${item.kind} ${item.name}${item.cluster ? ` in ${item.cluster}` : ""}: ${item.status}`, item.reason, item.message].filter(Boolean).join(", ")) : [];
  const rest = [
    found.length ? "" : message,
    found.length && !all && mood === "good" ? counted(found.length, "object") : "",
    seen ? `seen ${age(seen, now)} ago${source ? ` by the ${source}` : ""}` : message ? "" : "never seen",
    stale ? `nothing was heard for ${age(stale, now)}` : "",
  ];
  return { name, word: asSeen(status, source), mood, rest, at: seen, objects };
}
