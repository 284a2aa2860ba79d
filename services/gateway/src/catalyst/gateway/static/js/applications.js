// What an Organization runs: each Application in each Environment with its four marks, live.

import { el, say } from "./dom.js";
import { emblemOf, nothing } from "./icons.js";
import { BAD_FIRST, marks, worst } from "./marks.js";
import { CHANGE_MOODS, changeTitle } from "./steps.js";
import { chainOf, whole } from "./why.js";
import { age, counted, place } from "./words.js";

const LATEST = 20;

export class Applications {
  #cards = new Map();

  constructor(node, organization, { go, rows }) {
    Object.assign(this, { organization, go, rows });
    this.count = el("p", { class: "quiet", role: "status" });
    this.roll = el("div", { class: "roll", "aria-label": "Health", role: "group" });
    this.list = el("div", { class: "runs" });
    this.changes = el("section", { class: "changes", "aria-label": "Latest changes" });
    node.replaceChildren(el("header", { class: "head" }, el("div", {}, el("h2", { text: "Applications" }), this.count), this.roll),
      this.list, this.changes);
    this.changed(null);
  }

  stop() {}

  /** Draws anew what a change of rows concerns; null: everything. */
  changed(keys) {
    const mine = (key) => {
      const at = place(key);
      return at.organization === this.organization && ["application", "environment", "change"].includes(at.kind);
    };
    if (keys === null || keys.some(mine)) this.#draw();
  }

  tick() {
    this.#draw();
  }

  #draw() {
    const found = [];
    const places = new Map();
    const changes = [];
    for (const [key, value] of this.rows()) {
      const at = place(key);
      if (at.organization !== this.organization || !value.doc) continue;
      if (at.kind === "environment") places.set(at.name, []);
      if (at.kind === "change") changes.push(value.doc);
      if (at.kind === "application") for (const one of value.doc.bindings ?? []) found.push([at.name, one]);
    }
    for (const [, one] of found) places.set(one.environment, [...(places.get(one.environment) ?? []), one.health.status]);
    this.#rollUp(places);
    say(this.count, counted(found.length, "Application"));
    this.#cardsOf(found);
    this.#changesOf(changes);
  }

  #rollUp(places) {
    const every = [...places.values()].flat();
    this.roll.hidden = !every.length; // Nothing that runs is neither well nor ill.
    const parts = [[this.organization, worst(every)], ...[...places].sort().map(([name, known]) => [name, worst(known)])];
    const text = JSON.stringify(parts);
    if (this.rolled === text) return;
    this.rolled = text;
    this.roll.replaceChildren(...parts.map(([name, health]) => el("span", { class: "rolled" },
      `${name} `, el("span", { class: `badge dot ${BAD_FIRST[health] ?? "warn"}`, text: health }))));
  }

  #cardsOf(found) {
    const keys = new Set(found.map(([name, one]) => `${name}.${one.environment}`));
    for (const [key, card] of this.#cards) {
      if (keys.has(key)) continue;
      card.node.remove();
      this.#cards.delete(key);
    }
    found.sort(([a, one], [b, other]) => (`${one.environment}.${a}` < `${other.environment}.${b}` ? -1 : 1));
    this.none ??= nothing("layers", "Nothing runs here yet. Choose something in the catalogue.",
      el("button", { type: "button", class: "primary", text: "Open the catalogue", on: { click: () => this.go("catalogue") } }));
    this.none.hidden = found.length > 0;
    if (!this.none.isConnected) this.list.append(this.none);
    for (const [at, [name, one]] of found.entries()) {
      const key = `${name}.${one.environment}`;
      const card = this.#cards.get(key) ?? this.#card(name, one.environment);
      this.#cards.set(key, card);
      const desired = one.desired;
      say(card.what, desired ? `${desired.blueprint} ${desired.version}` : "nothing is to run yet");
      const stands = desired?.blueprint ?? name;
      if (card.stands !== stands) card.emblem.replaceChildren(emblemOf(stands));
      card.stands = stands;
      marks(card.marks, one);
      const links = chainOf(whole(one.blocked_by ?? [], this.rows(), this.organization, `application ${name}`));
      card.why.replaceChildren(...(links ? [links] : []));
      if (this.list.children[at] !== card.node) this.list.insertBefore(card.node, this.list.children[at] ?? null);
    }
  }

  #card(name, environment) {
    const card = { what: el("p", { class: "quiet" }), emblem: el("div"), marks: el("dl", { class: "marks" }), why: el("div") };
    card.node = el("article", { class: "run" },
      el("div", { class: "product-head" }, card.emblem,
        el("div", {},
          el("h3", {}, el("button", { type: "button", class: "name", text: name, on: {
            click: () => this.go("application", name, environment),
          } })),
          card.what),
        el("span", { class: "badge", text: environment })),
      card.marks, card.why);
    return card;
  }

  #changesOf(changes) {
    changes.sort((one, other) => (one.opened < other.opened ? 1 : -1));
    const now = Date.now();
    const text = JSON.stringify(changes.map(({ change, status, percent, opened }) => [change, status, percent, age(opened, now)]));
    if (this.listed === text) return;
    this.listed = text;
    const focused = this.changes.contains(document.activeElement) ? document.activeElement.dataset.change : "";
    const lines = changes.slice(0, LATEST).map((doc) => el("li", {},
      el("span", { class: `badge ${CHANGE_MOODS[doc.status] ?? ""}`, text: doc.status }),
      el("button", { type: "button", class: "link", "data-change": doc.change, text: changeTitle(doc), on: { click: () => this.go("change", doc.change) } }),
      el("span", { class: "quiet", text: [doc.status === "running" ? `${doc.percent} %` : "", `${age(doc.opened, now)} ago`].filter(Boolean).join(" · ") })));
    this.changes.replaceChildren(...(lines.length ? [el("h3", { text: "Latest changes" }), el("ul", { class: "lines" }, lines)] : []));
    if (focused) [...this.changes.querySelectorAll("button")].find(({ dataset }) => dataset.change === focused)?.focus();
  }
}
