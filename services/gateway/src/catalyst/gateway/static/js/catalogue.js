// The catalogue: what an Organization finds, as cards, by text and by category.

import { question } from "./asking.js";
import { el, say } from "./dom.js";
import { emblem, icon, nothing, picture, unread } from "./icons.js";
import { counted, label, place } from "./words.js";

const TYPING_MS = 200;
const PAGE = 60;
const GHOSTS = 8;
const CHANGED_MS = 500; // Blueprints are registered many at a time.
const KINDS = ["blueprint", "curation"];
/** Of what has a price, and that is nothing. */
export const FREE = "No charge of its own";
/** Categories that are no word. */
const CATEGORIES = { ai: "AI", cms: "Websites" };

export class Catalogue {
  #abort = null;
  #timer = null;
  #category = "";
  #text = "";
  #paged = false;

  /** Shows the catalogue of an Organization in `node`; `open(blueprint)` shows one of it. */
  constructor(node, organization, open) {
    this.organization = organization;
    this.open = open;
    this.box = el("input", { type: "search", id: "catalogue-text", autocomplete: "off", placeholder: "What do you need? A wiki, a database…", on: {
      input: () => {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#search(), TYPING_MS);
      },
    } });
    this.facets = el("div", { class: "kinds", role: "group", "aria-label": "Category" });
    this.status = el("p", { class: "quiet", role: "status" });
    this.cards = el("ul", { class: "cards" }, Array.from({ length: GHOSTS }, () => el("li", { class: "ghost", "aria-hidden": "true" })));
    this.more = el("div", { class: "more" });
    node.replaceChildren(
      el("header", { class: "head" },
        el("div", {}, el("h2", { text: "Catalogue" }), this.status),
        el("label", { class: "search", for: "catalogue-text" }, icon("search"), el("span", { class: "unseen", text: "Search" }), this.box)),
      this.facets, this.cards, this.more);
    this.#search();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
  }

  /** Reads anew what a change of rows may concern; null: everything. More pages stay as they are. */
  changed(keys) {
    const told = keys === null || keys.some((key) => KINDS.includes(place(key).kind));
    if (!told || this.#paged) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), CHANGED_MS);
  }

  tick() {}

  async #search(offset = 0) {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#paged = offset > 0;
    if (this.cards.querySelector(".product") === null) say(this.status, "Searching…");
    if (this.box.value !== this.#text) this.#category = "";
    this.#text = this.box.value;
    const category = this.#category ? [this.#category] : [];
    let found;
    try {
      const asked = { text: this.#text.slice(0, 200), category, limit: PAGE, offset };
      found = await question("catalog.search", this.organization, asked, abort.signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      say(this.status, "");
      if (offset === 0) this.cards.replaceChildren();
      this.more.replaceChildren(unread("The catalogue cannot be read", error, () => this.#search(offset)));
      return;
    }
    if (this.#abort === abort) this.#draw(found, offset);
  }

  #draw(found, offset) {
    say(this.status, counted(found.total, "Blueprint"));
    const cards = found.items.map((card) => el("li", { "data-name": card.name }, this.#card(card)));
    const focused = this.cards.contains(document.activeElement) ? document.activeElement.closest("li").dataset.name : "";
    if (offset) this.cards.append(...cards);
    else this.cards.replaceChildren(...cards);
    if (focused && !offset) cards.find(({ dataset }) => dataset.name === focused)?.querySelector("button").focus();
    if (!found.total) {
      const text = this.#text ? `Nothing found for '${this.#text}'; try another word, or a part of one.` : "There is nothing in this catalogue yet.";
      this.cards.replaceChildren(el("li", { class: "wide" }, nothing(this.#text ? "search" : "grid", text)));
    }
    this.more.replaceChildren(...(found.next === null ? [] : [
      el("button", { type: "button", text: "Show more", on: { click: () => this.#search(found.next) } })]));
    this.#facet(found.facets.category ?? []);
  }

  #facet(values) {
    const focused = this.facets.contains(document.activeElement) ? document.activeElement.dataset.category : null;
    const every = [{ value: "" }, ...values];
    if (this.#category && !values.some(({ value }) => value === this.#category)) every.push({ value: this.#category, count: 0 });
    this.facets.replaceChildren(...every.map(({ value, count }) => el("button", {
      type: "button", class: "chip", "data-category": value, "aria-pressed": String(value === this.#category), on: {
        click: () => {
          this.#category = value;
          this.#search();
        },
      } }, value ? category(value) : "All", count === undefined ? null : el("span", { class: "count", text: ` ${count}` }))));
    if (focused !== null) [...this.facets.children].find(({ dataset }) => dataset.category === focused)?.focus();
  }

  #card(card) {
    return el("article", { class: "product" },
      el("div", { class: "product-head" }, emblem(card.title, card.tags, picture(this.organization, card.name, card.version, card.icon)),
        el("div", {},
          el("h3", {}, el("button", { type: "button", class: "name", text: card.title, on: { click: () => this.open(card.name) } })),
          el("p", { class: "quiet", text: [category(card.category), card.version].join(" · ") }))),
      el("p", { class: "summary", text: card.summary }),
      el("p", { class: "tail" }, flags(card)),
      el("p", { class: "price-line" }, priced(card.price), besides(card.needs)));
  }
}

/** Returns what a category is called. */
export function category(name) {
  return Object.hasOwn(CATEGORIES, name) ? CATEGORIES[name] : label(name);
}

/** Returns what a month costs; what has no price is not free, unlike what has one of nothing. */
export function priced(price) {
  if (!price?.length) return [el("span", { class: "quiet", text: "No price is known" })];
  if (!price.some(({ minor }) => minor)) return [el("span", { class: "quiet", text: FREE })];
  const [first, ...others] = price.map(({ text }) => text);
  return [el("strong", { text: first }), el("span", { class: "quiet", text: ` ${others.length ? `or ${others.join(" or ")} ` : ""}a month` })];
}

/** Returns what a price is without: each of it is used where it runs, or comes along and costs, too. */
export function besides(needs) {
  // A service of an earlier version says nothing of it.
  if (!needs?.length) return null;
  return el("span", { class: "quiet", text: ` · needs ${needs.map((name) => name.replace(/^bp-/u, "")).join(", ")} (priced apart)` });
}

/** Returns what has to be known before it is installed. */
export function flags(card) {
  const found = [
    card.featured ? ["good", "featured"] : null,
    card.origin === "public" ? null : ["", card.origin],
    card.deprecated ? ["warn", `advised against: ${card.deprecated}${card.replacement ? `; ${card.replacement} instead` : ""}`] : null,
    card.security ? ["bad", "a version of it is dangerous"] : null,
    card.yanked.length ? ["warn", `taken back: ${card.yanked.join(", ")}`] : null,
  ];
  return found.filter(Boolean).map(([mood, text]) => el("span", { class: `badge ${mood}`, text }));
}
