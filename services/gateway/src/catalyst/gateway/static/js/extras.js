// What is ordered with an Application: a package of the price book, add-ons, and in which currency.

import { el } from "./dom.js";
import { Control, Field } from "./fields.js";
import { money } from "./money.js";
import { together } from "./words.js";

const priced = (name, price) => `${name} (${price.map(({ text }) => text).join(" or ")} a month)`;

/** Returns which packages an add-on goes with, in the order in which `offered` has them. */
export function goesWith(packages, offered) {
  const named = (...states) => together(offered.filter(({ sku }) => states.includes(packages[sku])).map(({ name }) => name));
  const [included, others] = [named("included"), named("optional")];
  const added = others ? `can be added to ${others}` : "";
  return [included ? `included in ${included}` : "", added].filter(Boolean).join("; ") || "sold with no package";
}

const AGREED = "A price a month: it changes nothing of the Application, and what it gives is agreed with whoever runs this Catalyst.";
const GOES = "What is taken away stays charged for this month, and costs nothing from the next one on.";

class Package extends Control {
  /** `bought` is the package that runs; null for none. */
  constructor(offered, bought) {
    const options = offered.map(({ sku, name, price }) => el("option", { value: sku, text: priced(name, price) }));
    if (bought && !offered.some(({ sku }) => sku === bought)) options.push(el("option", { value: bought, text: `${bought} (not sold any more)` }));
    super("package", { description: `${AGREED}${bought ? ` ${GOES}` : ""}`, schema: {} }, false,
      el("select", {}, el("option", { value: "", text: "none" }), options));
    this.bought = bought;
    this.control.value = bought ?? "";
  }

  collect() {
    const chosen = this.control.value;
    if (chosen === (this.bought ?? "")) return {};
    return chosen ? { plan: chosen } : { drop_plan: true };
  }
}

class Addons extends Field {
  /** `bought` are the SKUs of those that it has. */
  constructor(offered, bought, sold) {
    super("add-ons", { schema: {} }, false);
    this.bought = bought;
    const old = bought.filter((sku) => !offered.some((one) => one.sku === sku));
    const all = [...offered, ...old.map((sku) => ({ sku, name: sku, price: null, packages: {} }))];
    this.boxes = all.map(({ sku }) => el("input", { type: "checkbox", value: sku, checked: bought.includes(sku) }));
    this.node = el("fieldset", {}, el("legend", { text: "Add-ons" }),
      el("p", { class: "help", text: `${AGREED}${bought.length ? ` ${GOES}` : ""}` }),
      all.map(({ name, price, packages }, at) => el("div", { class: "field" }, el("label", { class: "check" }, this.boxes[at], price ? priced(name, price) : name),
        el("p", { class: "help", text: !price ? "It is not sold any more." : `It is ${goesWith(packages, sold)}.` }))),
      this.error);
  }

  get title() {
    return "Add-ons";
  }

  collect() {
    const chosen = this.boxes.filter(({ checked }) => checked).map(({ value }) => value);
    const gone = this.bought.filter((sku) => !chosen.includes(sku));
    // Those that are named take the place of all there are; those that only go are named as that.
    if (chosen.some((sku) => !this.bought.includes(sku))) return { addons: chosen };
    return gone.length ? { drop_addons: gone } : {};
  }
}

class Currency extends Control {
  /** `credit` is what can be spent in each currency that can be chosen; `usual` is what is bought in if none is. */
  constructor(credit, usual) {
    const options = credit.map((one) => el("option", { value: one.currency, text: `${one.currency} (${money(one)} can be spent)` }));
    super("currency", { description: "In which it is bought, and stays charged. What comes along is bought in the same.", schema: {} }, false,
      el("select", {}, el("option", { value: "", text: `${usual}, the usual one` }), options));
  }

  collect() {
    return this.control.value ? { currency: this.control.value } : {};
  }
}

export class Extras {
  node = el("div", { class: "extras", hidden: true });
  #fields = {};
  #offered = "";

  /**
   * Offers what the price book has now, as `catalog.form` says, and what it was bought with: `{plan,
   * addons, sold}`, or null for what does not run. What was chosen stays while that is the same.
   * `balances` are those of the account: a currency is asked for where there is something to choose.
   */
  offer({ packages = [], addons = [], currencies = [] }, running, balances) {
    const [plan, has] = [running?.plan ?? null, running?.addons ?? []];
    const free = running?.sold ? [] : balances.filter(({ currency, available }) => available > 0 && currencies.includes(currency));
    const credit = free.map(({ currency, available }) => ({ currency, minor: available }));
    const choice = credit.some(({ currency }) => currency !== currencies[0]) ? credit : [];
    const text = JSON.stringify([packages, addons, plan, has, choice, currencies[0]]);
    if (text === this.#offered) return;
    this.#offered = text;
    this.#fields = {};
    if (choice.length) this.#fields.currency = new Currency(choice, currencies[0]);
    if (packages.length || plan) this.#fields.plan = new Package(packages, plan);
    if (addons.length || has.length) this.#fields.addons = new Addons(addons, has, packages);
    this.node.replaceChildren(...Object.values(this.#fields).map(({ node }) => node));
    this.node.hidden = !this.node.hasChildNodes();
  }

  /** Returns what is to be asked for, without what stays as it is. */
  collect() {
    return Object.assign({}, ...Object.values(this.#fields).map((field) => field.collect()));
  }

  /** Returns the field that the rest of a pointer leads to: `plan`, `addons/0`, or as an item of a quote. */
  at([first, ...rest]) {
    if (first === "items") return this.at(rest.slice(1));
    return this.#fields[first?.replace(/^drop_/, "")] ?? null;
  }

  clear() {
    for (const field of Object.values(this.#fields)) field.clear();
  }
}
