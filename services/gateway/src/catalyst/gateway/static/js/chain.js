// The causal chain of a command: what it led to, step by step, from the log.

import { Refused, ask } from "./api.js";
import { el } from "./dom.js";
import { actor, asSeen, commandName, exact, instant } from "./words.js";

const KINDS = {
  command: "command",
  sent: "sent by a process",
  reaction: "reaction",
  effect: "effect",
  timer: "timer",
};

/** Returns the chain of a command as an element; a refusal is one too. */
export async function chain(command, organization, signal) {
  try {
    const path = `/v1/trace/${encodeURIComponent(command)}`;
    const { body } = await ask("GET", path, { query: { organization }, signal });
    return drawn(body);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const gone = error instanceof Refused && error.status === 404;
    const text = gone
      ? "No outcome is recorded under this id: it may have expired, or is not yours to see."
      : `The chain cannot be read now: ${error.message}`;
    return el("p", { class: "quiet", text });
  }
}

function drawn(trace) {
  const first = Date.parse(trace.steps[0]?.time);
  const notes = [
    trace.complete ? "Complete." : `Not complete: ${trace.incomplete || "something is still on its way"}.`,
    trace.hidden ? `${trace.hidden} steps are not yours to see.` : "",
  ];
  return el("div", { class: "chain" },
    el("p", { class: "quiet" }, el("code", { text: trace.command }), ` · ${notes.filter(Boolean).join(" ")}`),
    branches(trace.steps, first),
    changed(trace.rows));
}

/** Puts each step below the one whose decision or event it follows from. */
function branches(steps, first) {
  const owners = new Map();
  for (const step of steps) {
    owners.set(step.id, step.id);
    for (const event of step.events) owners.set(event.id, step.id);
  }
  const below = new Map(steps.map((step) => [step.id, el("ol")]));
  const top = el("ol", { class: "steps" });
  for (const [place, step] of steps.entries()) {
    const parent = place === 0 ? null : below.get(owners.get(step.cause));
    const list = below.get(step.id);
    (parent ?? top).append(drawnStep(step, list, first));
  }
  for (const list of below.values()) if (!list.children.length) list.remove();
  return top;
}

function drawnStep(step, list, first) {
  const after = step.time ? Date.parse(step.time) - first : null;
  const when = after === null || Number.isNaN(after) ? "" : after === 0 ? instant(step.time) : `+${after} ms`;
  const by = step.by ? `${KINDS[step.kind] ?? step.kind} of ${step.by}` : (KINDS[step.kind] ?? step.kind);
  const facts = [by, step.actor ? actor(step.actor) : "", step.seq ? `sequence ${step.seq}` : "", when];
  return el("li", {},
    el("div", { class: `step ${step.status}` },
      el("p", { class: "step-title" },
        el("strong", { text: commandName(step.type) }), " ",
        el("span", { class: `badge ${step.status}`, text: step.status })),
      el("p", { class: "quiet", title: step.time ? exact(step.time) : null, text: facts.filter(Boolean).join(" · ") }),
      step.code ? el("p", { class: "error", text: `${step.code}: ${step.message}` }) : null,
      written(step)),
    list);
}

function written(step) {
  const lines = step.events.map((event) => el("li", {},
    el("span", { class: "seq", text: String(event.seq) }), " ", commandName(event.type), " ",
    el("code", { text: event.aggregate }), asSeen("", event.source)));
  for (const sent of step.sends) {
    lines.push(el("li", {}, el("span", { class: "seq", text: "→" }), " sends ", commandName(sent.type), " ",
      el("code", { text: sent.aggregate })));
  }
  for (const timer of step.timers) {
    lines.push(el("li", {}, el("span", { class: "seq", text: "⏲" }), ` waits for timer ${timer}`));
  }
  return lines.length ? el("ul", { class: "written" }, lines) : null;
}

function changed(rows) {
  if (!rows.length) return null;
  return el("div", {},
    el("h4", { text: "Rows it changed" }),
    el("ul", { class: "written" }, rows.map((row) => {
      const state = row.gone ? "deleted" : row.shows ? "shown" : "not shown yet";
      return el("li", {}, el("span", { class: "seq", text: String(row.seq) }), " ",
        el("code", { text: row.key }), ` ${state}${row.stale ? ", stale" : ""}`);
    })));
}
