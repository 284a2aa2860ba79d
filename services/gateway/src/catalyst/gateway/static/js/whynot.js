// Whether a version of a Blueprint could be installed in an Environment, and if not, why.

import { question } from "./asking.js";
import { coded, el } from "./dom.js";
import { Choice } from "./fields.js";
import { placed, words } from "./refusal.js";
import { Why } from "./why.js";

export class WhyNot {
  #turn = 0;

  /** `where()` returns the Environment that is chosen beside it; `go` leads to what stands in the way; `plan(version)` plans one, null for who may not. */
  constructor(organization, blueprint, versions, { where, go, plan }) {
    Object.assign(this, { organization, blueprint, where, plan });
    this.version = new Choice("version", { kind: "choice", values: versions, schema: {} }, true);
    this.said = el("div", { role: "status" });
    this.why = new Why(go, "What stands in its way");
    this.node = el("details", {}, el("summary", { text: plan && versions.length > 1 ? "Install another version" : "Could another version be installed?" }),
      el("form", { class: "whynot", novalidate: true, "aria-label": "Another version", on: {
        submit: (event) => {
          event.preventDefault();
          this.#ask();
        },
      } }, this.version.node, el("div", { class: "actions" }, el("button", { type: "submit", text: "Find out" }))),
      this.said, this.why.node);
  }

  async #ask() {
    const turn = (this.#turn += 1);
    this.version.clear();
    this.why.show([]);
    this.said.replaceChildren();
    if (this.version.demand()) return this.version.focus();
    const version = this.version.collect();
    const environment = this.where();
    let found;
    try {
      found = await question("catalog.why-not", this.organization, { blueprint: this.blueprint, version, environment });
    } catch (error) {
      if (turn === this.#turn) this.said.replaceChildren(placed(error, (one) => ({ field: null, text: words(one) })));
      return undefined;
    }
    if (turn !== this.#turn) return undefined;
    const { possible, reasons, chain } = found;
    this.said.replaceChildren(...(possible ? this.#possible(version, environment) : [el("ul", {}, reasons.map((one) => el("li", {}, coded(one))))]));
    this.why.show(chain);
    return undefined;
  }

  #possible(version, environment) {
    const plan = el("button", { type: "button", text: `Plan the install of ${version}`, on: { click: () => this.plan(version) } });
    return [el("p", { text: environment ? `Nothing stands in the way of ${version} in ${environment}.` : `Nothing stands in the way of ${version}, as far as can be told before an Environment is chosen.` }),
      this.plan && environment ? el("div", { class: "actions" }, plan) : ""];
  }
}
