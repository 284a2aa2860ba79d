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

/** Returns how a whole is, as its row says: as bad as its worst part, which is named with the reason. */
export function rolled(name, { status, reason, of, source, since }) {
  const why = of ? [`${of}${reason ? `: ${reason}` : ""}`, since ? `since ${exact(since)}` : ""].filter(Boolean).join(", ") : "";
  const mood = of ? BAD_FIRST[status] ?? "warn" : "";
  return el("span", { class: "rolled", title: why || null },
    `${name} `, el("span", { class: `badge dot ${mood}`, text: of ? asSeen(status, source) : "nothing runs" }));
}

/** Draws the marks of one Application in one Environment into a list, if they changed; `all` with what is well. */
export function marks(node, one, all = false) {
  const now = Date.now();
  const lines = [
    mark("Applied", one.applied, now, all),
    mark("Health", one.health, now, all),
    one.change
      ? { name: "Change", word: one.change.action, mood: "warn", rest: [one.change.change, `for ${age(one.change.since, now)}`, runs(one.change)], at: one.change.since, ...grounds(one.change, "Steps so far", all) }
      : { name: "Change", word: "none", mood: "", rest: [one.gate.open ? "no change in progress" : "the next begins once the gate opens"] },
    one.gate.open
      ? { name: "Gate", word: "open", mood: "", rest: ["no change waits"] }
      : { name: "Gate", word: "closed", mood: "warn", rest: [`${one.gate.change} waits for ${one.gate.waits_for.join(", ") || "its turn"}`, one.gate.since ? `for ${age(one.gate.since, now)}` : "", runs(one.gate)], at: one.gate.since, ...grounds(one.gate, "What it rests on", all) },
  ];
  const text = JSON.stringify(lines);
  if (node.shown === text) return;
  node.shown = text;
  const open = [...node.querySelectorAll("details")].map((one) => one.open);
  node.replaceChildren(...lines.map(({ name, word, mood, rest, at, objects = [], led }) => el("div", {},
    el("dt", { text: name }),
    el("dd", {}, el("span", { class: `badge dot ${mood}`, text: word }),
      el("span", { class: "quiet", title: at ? exact(at) : null, text: ` ${rest.filter(Boolean).join(" · ")}` }),
      objects.length ? el("details", {}, el("summary", { text: led }), el("ul", {}, objects.map((text) => el("li", { text })))) : null))));
  for (const [at, one] of node.querySelectorAll("details").entries()) one.open = open[at] ?? false;
}

function mark(name, { status, message, evidence, source, as_of: seen, stale_since: stale }, now, all) {
  const mood = Object.hasOwn(BAD_FIRST, status) ? BAD_FIRST[status] : "warn";
  const found = evidence ?? [];
  // Why something is not well is said once, with what to do about it: where it says what is in its way.
  const objects = all ? found.map((item) => [`${item.kind} ${item.name}${item.cluster ? ` in ${item.cluster}` : ""}: ${item.status}`, item.reason, item.message].filter(Boolean).join(", ")) : [];
  const rest = [
    found.length && name === "Health" ? "" : message,
    found.length && !all && mood === "good" && name === "Health" ? counted(found.length, "object") : "",
    seen ? `seen ${age(seen, now)} ago${source ? ` by the ${source}` : ""}` : message ? "" : "never seen",
    stale ? `nothing was heard for ${age(stale, now)}` : "",
  ];
  const led = `${name === "Health" ? "What was seen" : "Evidence"}: ${counted(objects.length, "object")}`;
  return { name, word: asSeen(status, source), mood, rest, at: seen, objects, led };
}

/** Returns on which revision something is said that no cluster tells; what a change made itself it waits for no more. */
function runs({ change, revision }) {
  return !revision ? "" : revision === change ? "what it made runs already" : `while ${revision} runs`;
}

/** Returns what a mark rests on of which no cluster tells, one thing a line. */
function grounds({ evidence }, led, all) {
  const found = all ? evidence ?? [] : [];
  const objects = found.map(({ kind, name, status, message, since }) => [`${kind} ${name}: ${status}`, message, since ? `since ${exact(since)}` : ""].filter(Boolean).join(", "));
  return { objects, led: `${led}: ${objects.length}` };
}
