// The plan that a change carries out, made again for whoever is to approve it: what they approve.

import { question } from "./asking.js";
import { coded, el } from "./dom.js";
import { gates } from "./gates.js";
import { unread } from "./icons.js";
import { paidBy } from "./paid.js";
import { files, hosts, listed, needs, price, staying } from "./parts.js";
import { lacking } from "./refusal.js";

export class ChangePlan {
  node = el("section", { class: "card main", "aria-label": "What it does", hidden: true });
  #body = el("div", { class: "change-plan" });
  #gates = el("div");
  #plan = null;
  #doc = null;
  #abort = null;
  #state = "";

  /** `rows()` are the live rows; `picture(locked)` is where the picture is of what is locked; `seen()`: there is something else to be said now. */
  constructor(organization, change, { rows, picture, seen }) {
    Object.assign(this, { organization, change, rows, picture, seen });
    this.node.append(el("h3", { text: "What it does" }), this.#body);
  }

  stop() {
    this.#abort?.abort();
  }

  /** Returns why nobody can say yet that they looked at it; empty once it is shown, or cannot be. */
  get unseen() {
    if (this.#state === "shown") return "";
    if (this.#state === "denied") return "Whoever approves it has to be able to see its plan.";
    return this.#state === "failed" ? "Its plan could not be shown. Try that again first." : "Its plan is being made again, so that you see what you approve.";
  }

  /** Shows the plan: by itself while it waits, later if that is asked for. */
  show(doc) {
    this.node.hidden = false;
    this.#doc = doc;
    this.#gate();
    if (this.#state) return;
    if (doc.status === "waiting") this.#ask();
    else if (!this.#body.hasChildNodes()) {
      this.#body.append(el("div", { class: "actions" }, el("button", { type: "button", class: "small", text: "Show its plan", on: { click: () => this.#ask() } })));
    }
  }

  /** Says what is missing still; of what has begun, what had to come before. */
  #gate() {
    if (!this.#plan) return;
    const { author, author_email: email, approved, missing, status } = this.#doc;
    const over = status === "waiting" ? {} : { title: "What it waited for", none: "Nothing.", over: true };
    this.#gates.replaceChildren(gates(this.#plan, { author: email || author, approved, missing, ...over }));
  }

  async #ask() {
    this.#state = "asked";
    this.#abort = new AbortController();
    this.#body.replaceChildren(el("p", { class: "quiet", role: "status", text: "Making its plan again…" }));
    try {
      const found = await question("provisioning.planned", this.organization, { change: this.change }, this.#abort.signal);
      this.#state = "shown";
      this.#body.replaceChildren(...(found.plan ? this.#parts(found.plan) : lost(found.missing)));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#state = lacking(error) ? "denied" : "failed";
      this.#body.replaceChildren(unread("Its plan cannot be shown", error, () => this.#ask()));
    }
    this.seen();
  }

  #parts(plan) {
    this.#plan = plan;
    this.#gate();
    return [
      listed("Risks", plan.risks.map(({ message }) => message), "bad"),
      listed("What goes", plan.goes), staying(plan, this.organization),
      files(plan, true),
      plan.dependencies.length ? el("div", { class: "part" }, el("h4", { text: "What it needs" }), needs(plan, this.picture)) : null,
      hosts(plan),
      listed("Other Applications that need it", plan.dependents),
      price(plan, paidBy(this.rows(), this.organization)), this.#gates,
      el("p", { class: "quiet" }, "Hash ", el("code", { class: "plan-hash", text: plan.hash })),
    ].filter(Boolean);
  }
}

/** Returns why a plan cannot be shown as it was. */
function lost(lines) {
  return [
    el("p", { text: "Its plan cannot be made again as it was, so its files are not shown:" }),
    el("ul", {}, lines.map((text) => el("li", {}, coded(text)))),
    el("p", { class: "quiet", text: "What was asked for, the versions and the price stand under About." }),
  ];
}
