// What things cost: the price book with its versions, or what of it applies to an Organization.

import { question } from "./asking.js";
import { FREE, priced } from "./catalogue.js";
import { el } from "./dom.js";
import { goesWith } from "./extras.js";
import { nothing, unread } from "./icons.js";
import { Vouchers, newBook } from "./keeping.js";
import { fine, money } from "./money.js";
import { keeps } from "./rights.js";
import { counted, place } from "./words.js";

const PAGE = 50;
const MOST = 200; // Blueprints that are listed; the catalogue has all of them.

const text = (amounts) => amounts.map(money).join(" or ");
const monthly = (amounts) => (amounts.some(({ minor }) => minor) ? `${text(amounts)} a month` : FREE);
const day = (time) => time.slice(0, 10);

export class Prices {
  #drawn = "";
  #asked = false;
  #stopped = false;

  constructor(node, organization, { rows, ready, session }) {
    Object.assign(this, { organization, rows, ready });
    const title = el("h2", { text: "Prices", tabindex: "-1" });
    this.said = el("p", { class: "quiet", text: "Looking…" });
    this.list = el("div", { class: "page" });
    this.vouchers = keeps(session, "vouchers") ? new Vouchers(rows) : null;
    node.replaceChildren(el("header", { class: "head" }, el("div", {}, title, this.said)),
      el("div", { class: "page prices" }, keeps(session, "prices") ? newBook() : null, this.vouchers?.form, this.list, this.vouchers?.node));
    this.changed(null);
  }

  stop() {
    this.#stopped = true;
  }

  tick() {
    this.vouchers?.tick();
    if (!this.#drawn && !this.#asked) this.changed(null);
  }

  /** Who reads the whole book has its row; everybody else asks what applies. */
  changed(_keys) {
    this.vouchers?.changed();
    const book = this.#row();
    if (!book) {
      if (this.ready() && !this.#asked && !this.#drawn) this.#ask();
      return;
    }
    const shown = JSON.stringify(book);
    if (shown === this.#drawn) return;
    this.#drawn = shown;
    const { latest, versions } = book;
    this.said.textContent = `The price book ${latest.book}, version ${latest.version}, in force from ${day(latest.start)} on`;
    this.list.replaceChildren(
      ...sections(latest),
      section("Blueprints", latest.blueprints.map((one) => line(one.name, `bp-${one.sku}`, monthly(one.month)))),
      section("Versions", versions.map((one, at) => version(one, at === versions.length - 1))));
  }

  #row() {
    for (const [key, { doc }] of this.rows()) if (doc && place(key).kind === "price-book") return doc;
    return null;
  }

  async #ask() {
    this.#asked = true;
    try {
      const answers = await Promise.allSettled([question("billing.prices", this.organization, {}), this.#blueprints()]);
      // Of both, what is said of the prices is what somebody came for.
      const refused = answers.find(({ status }) => status === "rejected");
      if (refused) throw refused.reason;
      const [found, blueprints] = answers.map(({ value }) => value);
      if (this.#stopped || this.#drawn) return;
      this.said.textContent = `What ${this.organization} pays: price book ${found.book} ${found.version}, in force since ${day(found.start)}`;
      this.list.replaceChildren(...sections(found),
        section("Blueprints", blueprints.map((one) => el("li", {}, el("div", {}, el("strong", { text: one.title }), el("p", { class: "quiet", text: one.name })), el("div", { class: "sum" }, priced(one.price))))));
    } catch (error) {
      if (this.#stopped || this.#drawn) return;
      this.said.textContent = "";
      this.list.replaceChildren(error.code === "prices-unavailable"
        ? el("div", { class: "card" }, nothing("wallet", "No price book is in force yet, so nothing has a price."))
        : unread("The prices cannot be read", error, () => this.#ask()));
    }
  }

  /** Returns what the catalogue shows the Organization; a private Blueprint of another is not among it. */
  async #blueprints() {
    const found = [];
    for (let offset = 0; offset !== null && found.length < MOST;) {
      const page = await question("catalog.search", this.organization, { limit: PAGE, offset });
      found.push(...page.items);
      offset = page.next;
    }
    return found;
  }
}

function sections({ packages, addons, usage }) {
  return [
    section("Packages", packages.map((one) => line(one.name, one.sku, `${text(one.month)} a month`))),
    section("Add-ons", addons.map((one) => line(one.name,
      goesWith(one.packages, packages), `${text(one.month)} a month`))),
    section("Use", usage.map((one) => line(one.name, `${one.sku}, ${one.formula}`, charge(one)))),
  ];
}

function section(title, lines) {
  return el("section", { class: "card", "aria-label": title }, el("h3", { text: title }),
    lines.length ? el("ul", { class: "lines" }, lines) : el("p", { class: "quiet", text: "None." }));
}

function line(name, about, price) {
  return el("li", {}, el("div", {}, el("strong", { text: name }), el("p", { class: "quiet", text: about })), el("div", { class: "sum" }, el("span", { text: price })));
}

/** Returns the name of several units; what is no word, such as GiB, stays as it is. */
const several = (unit) => (/(?:^|[ -])[a-z]+[a-rt-z]$/.test(unit) ? `${unit}s` : unit);

/** Returns what use costs, a step after the other. */
function charge({ steps, size, unit, included, minimum }) {
  const each = steps.map(({ price, flat, up_to: upper }) => [
    price.filter(({ micro }) => micro).map(fine).join(" or ") || "nothing",
    ...flat.map((one) => `and ${money(one)}`), upper === null ? "" : `up to ${upper.toLocaleString()}`,
  ].filter(Boolean).join(" "));
  return [`${each.join(", then ")} for ${size === 1 ? `a ${unit}` : `${size.toLocaleString()} ${several(unit)}`}`,
    included ? `${included.toLocaleString()} included` : "", minimum.length ? `at least ${text(minimum)}` : ""].filter(Boolean).join("; ");
}

const CHANGED = {
  added: ({ sku, after }) => `${sku} is new: ${after}`,
  removed: ({ sku, before }) => `${sku} is gone: it was ${before}`,
  changed: ({ sku, before, after }) => `${sku}: ${after}, it was ${before}`,
};

/** Returns a version, and how it differs from the one before it; with the oldest nothing is compared. */
function version({ version: name, start, changes }, oldest) {
  const when = `${name}, from ${day(start)} on`;
  if (!changes.length) return el("li", { text: oldest ? when : `${when}: no price differs` });
  return el("li", {}, el("details", {}, el("summary", { text: `${when}: ${counted(changes.length, "price")} ${changes.length === 1 ? "differs" : "differ"} from before` }),
    el("ul", {}, changes.map((one) => el("li", { text: CHANGED[one.change](one) })))));
}
