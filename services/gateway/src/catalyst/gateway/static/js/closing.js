// What is done with a whole invoice: its month is closed now, and the log makes it once more.

import { commandId } from "./api.js";
import { command, question } from "./asking.js";
import { el, say } from "./dom.js";
import { refusal, unreadable } from "./refusal.js";

/** The command that closes the month that runs: whoever may send it is offered that. */
export const FINALIZE = "billing.finalize-invoice.v1";

/** Offers to close a month before it is over. */
export class Closing {
  #sent = "";

  /** `done()` is called once the month is being closed. */
  constructor(organization, month, done) {
    Object.assign(this, { organization, month, done });
    this.button = el("button", { type: "button", class: "danger", text: "Close it now", on: { click: () => this.#close() } });
    this.said = el("p", { class: "quiet", role: "status" });
    this.problems = el("div", { class: "problems", role: "alert" });
    this.node = el("details", { hidden: true }, el("summary", { text: "Close this month now" }),
      el("p", { class: "quiet", text: "Its invoice gets its number, and stays as it is from then on. What is ordered or used later in the month stands on the next one." }),
      el("div", { class: "actions" }, this.button), this.said, this.problems);
  }

  async #close() {
    this.#sent ||= commandId();
    this.button.disabled = true;
    this.problems.replaceChildren();
    say(this.said, "Sending…");
    try {
      const query = { organization: this.organization, aggregate: "account", id: this.organization };
      await command(FINALIZE, this.#sent, query, { month: this.month });
      this.#sent = "";
      say(this.said, "It is being closed; its number follows.");
      this.done();
    } catch (error) {
      if (error.status) this.#sent = "";
      say(this.said, "");
      this.problems.replaceChildren(refusal(error));
    } finally {
      this.button.disabled = false;
    }
  }
}

/** Makes an invoice, or a credit note, once more from the log, and says whether it is the same. */
export class Again {
  /** `of` is `{invoice}` or `{credit_note}`. */
  constructor(organization, of) {
    Object.assign(this, { organization, of });
    this.button = el("button", { type: "button", text: "Make it again from the log", on: { click: () => this.#make() } });
    this.said = el("div", { role: "status" });
    this.node = el("div", { class: "part", hidden: true },
      el("p", { class: "quiet", text: "All that it says was worked out from the log. The log has to make the same again, byte for byte." }),
      el("div", { class: "actions" }, this.button), this.said);
  }

  async #make() {
    this.button.disabled = true;
    this.said.replaceChildren(el("p", { class: "quiet", text: "Reading the log…" }));
    try {
      const found = await question("billing.replay", this.organization, this.of);
      this.said.replaceChildren(verdict(found));
    } catch (error) {
      this.said.replaceChildren(el("p", { class: "error", text: unreadable("It cannot be made again", error) }));
    } finally {
      this.button.disabled = false;
    }
  }
}

function verdict({ same, bytes, digest, replayed }) {
  if (same) {
    return el("p", {}, `The log makes the same again: ${bytes.toLocaleString()} bytes, with the hash `, el("code", { text: replayed }));
  }
  return el("p", { class: "notice" }, "The log does NOT make the same again. Recorded is the hash ", el("code", { text: digest }),
    ", and what the log makes now has ", el("code", { text: replayed }), ". Whoever runs Catalyst has to look into it: what was charged rests on that log.");
}

/** Returns the card in which a page offers some of these. */
export function offered(...some) {
  return el("section", { class: "card acts", "aria-label": "What you can do", hidden: true },
    el("h3", { text: "What you can do" }), some.map(({ node }) => node));
}
