// What a change asked for that was rejected, cancelled or failed, planned once more.

import { question } from "./asking.js";
import { el } from "./dom.js";
import { pictureOf, unread } from "./icons.js";
import { copiesOf } from "./order.js";
import { paidBy } from "./paid.js";
import { PlanView } from "./plan.js";
import { wholly } from "./steps.js";

const ENDS = ["rejected", "cancelled", "failed"];

export class Again {
  #doc = null;
  #turn = 0;

  /** `go(view, …names)` leads elsewhere; `rows()` are the live rows, and `waiting(organization)` is what waits there. */
  constructor(organization, { go, rows, waiting }) {
    Object.assign(this, { organization });
    this.button = el("button", { type: "button", text: "Plan the same again", hidden: true, on: { click: () => this.#ask(this.#doc.request) } });
    this.plan = new PlanView(organization, {
      opened: (change) => go("change", change),
      again: (dependencies) => this.#ask({ ...this.#doc.request, dependencies }),
      paid: () => paidBy(rows(), organization),
      copies: (blueprint, environment) => copiesOf(rows(), organization, blueprint, environment),
      picture: (locked) => (locked ? pictureOf(rows(), organization, locked) : ""),
      waiting: () => waiting(organization),
      go,
    });
  }

  stop() {
    this.#turn += 1;
  }

  tick() {
    this.plan.tick();
  }

  /** Offers it for a change that ended without having been done, if whoever looks `may` plan it; a deletion is planned where all that goes is asked about. */
  show(doc, may) {
    this.#doc = doc;
    this.button.hidden = !may || !ENDS.includes(doc.status) || wholly(doc.request.action);
  }

  async #ask(request) {
    const turn = (this.#turn += 1);
    this.plan.clear();
    this.plan.node.replaceChildren(el("p", { class: "quiet", role: "status", text: "Planning…" }));
    try {
      const found = await question("provisioning.plan", this.organization, request);
      if (turn !== this.#turn) return;
      this.plan.show(found);
      this.plan.focus();
    } catch (error) {
      if (turn === this.#turn) this.plan.node.replaceChildren(unread("It cannot be planned", error, () => this.#ask(request)));
    }
  }
}
