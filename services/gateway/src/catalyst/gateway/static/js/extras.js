// What is ordered with an Application: a package of the price book, and add-ons.

import { el } from "./dom.js";
import { Control, Field } from "./fields.js";

const priced = (name, price) => `${name} (${price.map(({ text }) => text).join(" or ")} a month)`;

class Package extends Control {
  constructor(offered, running) {
    const description = running ? "How large it is; not given, it stays as it is." : "How large it is.";
    const options = offered.map(({ sku, name, price }) => el("option", { value: sku, text: priced(name, price) }));
    super("package", { description, schema: {} }, false, el("select", {}, el("option", { value: "", text: "not given" }), options));
  }

  collect() {
    return this.control.value || undefined;
  }
}

class Addons extends Field {
  constructor(offered, running) {
    super("add-ons", { schema: {} }, false);
    this.boxes = offered.map(({ sku }) => el("input", { type: "checkbox", value: sku }));
    this.node = el("fieldset", {}, el("legend", { text: "Add-ons" }),
      running ? el("p", { class: "help", text: "What is chosen takes the place of those it has; none chosen, they stay." }) : null,
      offered.map(({ name, price, packages }, at) => el("div", { class: "field" }, el("label", {}, this.boxes[at], ` ${priced(name, price)}`),
        el("p", { class: "help", text: `With ${Object.entries(packages).map(([sku, state]) => (state === "included" ? `${sku} (included)` : sku)).sort().join(", ")}.` }))),
      this.error);
  }

  get title() {
    return "Add-ons";
  }

  collect() {
    const chosen = this.boxes.filter(({ checked }) => checked).map(({ value }) => value);
    return chosen.length ? chosen : undefined;
  }
}

export class Extras {
  node = el("div", { class: "extras", hidden: true });
  #fields = {};
  #offered = "";

  /** Offers what the price book has now, as `catalog.form` says; what was chosen stays while that is the same. */
  offer({ packages = [], addons = [] }, running) {
    const text = JSON.stringify([packages, addons]);
    if (text === this.#offered) return;
    this.#offered = text;
    this.#fields = {};
    if (packages.length) this.#fields.plan = new Package(packages, running);
    if (addons.length) this.#fields.addons = new Addons(addons, running);
    this.node.replaceChildren(...Object.values(this.#fields).map(({ node }) => node));
    this.node.hidden = !this.node.hasChildNodes();
  }

  /** Returns what is to be asked for, without what was not chosen. */
  collect() {
    const found = Object.entries(this.#fields).map(([name, field]) => [name, field.collect()]);
    return Object.fromEntries(found.filter(([, value]) => value !== undefined));
  }

  /** Returns the field that the rest of a pointer leads to: `plan`, `addons/0`, or as an item of a quote. */
  at([first, ...rest]) {
    if (first === "items") return this.at(rest.slice(1));
    return this.#fields[first] ?? null;
  }

  clear() {
    for (const field of Object.values(this.#fields)) field.clear();
  }
}
