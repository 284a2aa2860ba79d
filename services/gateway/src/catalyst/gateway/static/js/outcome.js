// What became of a command: waited for, shown, and whether the rows show it already.

import { ask } from "./api.js";
import { el, say } from "./dom.js";
import { block } from "./json.js";
import { commandName } from "./words.js";

const WAIT_SECONDS = 15;

export class Answer {
  node = el("div", { class: "outcome", role: "status", "aria-live": "polite" });
  #follow;
  #asOf = 0;
  #seq = 0;
  #shown = null;
  #turn = 0;

  /** `follow(command, organization)` shows what a command led to. */
  constructor(follow) {
    this.#follow = follow;
  }

  /** Shows nothing, and waits for nothing. */
  clear() {
    this.#turn += 1;
    this.#seq = 0;
    this.node.replaceChildren();
  }

  /** Says that the answer is awaited. */
  waiting() {
    this.clear();
    this.node.replaceChildren(el("p", { class: "quiet", text: "Sending…" }));
  }

  /** Says that no answer came. */
  unknown(id) {
    this.node.replaceChildren(el("p", { class: "notice" },
      "No answer came, so the command may or may not have arrived. Send it again: it goes out under "
      + "the same id ", el("code", { text: id }), " and counts once."));
  }

  /**
   * Shows an answer; one that is still pending is awaited. Returns the outcome, or null if left: why
   * something was refused is shown by the form, where it belongs.
   */
  async settle(answer, organization) {
    const turn = this.#turn;
    let found = answer;
    while (found.status === "pending") {
      this.node.replaceChildren(el("p", { class: "quiet" },
        "Stored, not decided yet: ", el("code", { text: found.id })));
      found = await this.#asked(found, organization);
      if (turn !== this.#turn) return null;
    }
    this.#show(found, organization);
    return found;
  }

  async #asked(pending, organization) {
    const path = `/v1/outcomes/${encodeURIComponent(pending.id)}`;
    const headers = { Prefer: `wait=${WAIT_SECONDS}` };
    try {
      return (await ask("GET", path, { query: { organization }, headers })).body;
    } catch (error) {
      // Not recorded yet. Anything else is for whoever sent it.
      if (error.status === 404) return pending;
      throw error;
    }
  }

  /** Tells how far the rows are. */
  applied(asOf) {
    this.#asOf = asOf;
    if (!this.#seq || !this.#shown) return;
    say(this.#shown, asOf >= this.#seq ? "shown in the rows" : "not shown in the rows yet");
  }

  #show(outcome, organization) {
    const events = (outcome.events ?? []).map((type) => el("li", { text: commandName(type) }));
    // A rejection changes no row.
    this.#seq = outcome.status === "accepted" ? outcome.seq : 0;
    this.#shown = el("span");
    const parts = [
      el("p", {},
        el("span", { class: `badge ${outcome.status}`, text: outcome.status }),
        ` at sequence `, el("strong", { class: "outcome-seq", text: String(outcome.seq) }),
        this.#seq ? " · " : null, this.#shown),
      events.length ? el("p", { class: "quiet", text: "It wrote:" }) : null,
      events.length ? el("ul", {}, events) : null,
      outcome.result === undefined || outcome.result === null ? null : block(outcome.result),
      el("p", {}, el("code", { text: outcome.id }), " ",
        el("button", { type: "button", class: "small", text: "What it led to", on: {
          click: () => this.#follow(outcome.id, organization),
        } })),
    ];
    this.node.replaceChildren(...parts.filter(Boolean));
    this.applied(this.#asOf);
  }
}
