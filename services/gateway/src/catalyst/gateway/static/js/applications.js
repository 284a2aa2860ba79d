// What an Organization runs: each Application in each Environment with its four marks, live.

import { Beginning } from "./begin.js";
import { Deletions } from "./deletion.js";
import { el, say } from "./dom.js";
import { Flight } from "./flight.js";
import { emblemOf, pictureOf } from "./icons.js";
import { marks, rolled } from "./marks.js";
import { Notices } from "./notices.js";
import { deletes } from "./rights.js";
import { CHANGE_MOODS, changeTitle, sourceOf } from "./steps.js";
import { Why } from "./why.js";
import { age, asSeen, counted, exact, place } from "./words.js";

const LATEST = 20;
const KINDS = ["organization", "environment", "application", "change", "account"];

export class Applications {
  #cards = new Map();

  constructor(node, organization, tools) {
    const { go, rows, ready, session } = tools;
    Object.assign(this, { organization, go, rows, ready, session, waiting: tools.waiting });
    this.count = el("p", { class: "quiet", role: "status" });
    this.roll = el("div", { class: "roll", "aria-label": "Health", role: "group" });
    this.list = el("div", { class: "runs" });
    this.changes = el("section", { class: "changes", "aria-label": "Latest changes" });
    this.flight = new Flight(go);
    this.deletions = new Deletions(organization, go);
    this.beginning = new Beginning(organization, tools);
    this.notices = new Notices(organization, "", () => this.#draw());
    node.replaceChildren(el("header", { class: "head" }, el("div", {}, el("h2", { text: "Applications" }), this.count), this.roll),
      this.flight.node, this.beginning.node, this.list, this.changes, this.deletions.node);
    this.changed(null);
  }

  stop() {
    this.notices.stop();
  }

  /** Draws anew what a change of rows concerns; null: everything. */
  changed(keys) {
    const mine = (key) => {
      const at = place(key);
      return at.organization === this.organization && KINDS.includes(at.kind);
    };
    if (keys === null || keys.some(mine)) this.#draw();
  }

  tick() {
    this.#draw();
  }

  #draw() {
    const found = [];
    const places = new Map();
    let whole = null;
    const changes = [];
    for (const [key, value] of this.rows()) {
      const at = place(key);
      if (at.organization !== this.organization || !value.doc) continue;
      if (at.kind === "organization") whole = value.doc.health;
      if (at.kind === "environment") places.set(at.name, value.doc.health);
      if (at.kind === "change" && value.doc.finished) changes.push(value.doc);
      if (at.kind === "application") for (const one of value.doc.bindings ?? []) found.push([at.name, one]);
    }
    this.#rollUp(whole, places);
    const may = (what) => this.ready() && deletes(this.session, this.organization, this.rows(), what);
    this.deletions.show(may(false) ? [...places.keys()].sort() : [], may(true));
    say(this.count, this.ready() ? counted(found.length, "Application") : "Looking…");
    const waiting = this.waiting(this.organization);
    this.flight.show(waiting);
    this.beginning.draw();
    // Nothing is known to run nowhere before all rows are here.
    this.beginning.node.hidden = found.length > 0 || !this.ready();
    this.#cardsOf(found, waiting);
    this.#changesOf(changes);
  }

  /** Draws how the Organization and each Environment are, as their own rows say. */
  #rollUp(whole, places) {
    this.roll.hidden = !whole?.of; // Nothing that runs is neither well nor ill.
    const parts = [[this.organization, whole], ...[...places].sort(([one], [other]) => (one < other ? -1 : 1))];
    const text = JSON.stringify(parts);
    if (this.rolled === text) return;
    this.rolled = text;
    this.roll.replaceChildren(...parts.filter(([, health]) => health).map(([name, health]) => rolled(name, health)));
  }

  #cardsOf(found, waiting) {
    const keys = new Set(found.map(([name, one]) => `${name}.${one.environment}`));
    for (const [key, card] of this.#cards) {
      if (keys.has(key)) continue;
      card.node.remove();
      this.#cards.delete(key);
    }
    found.sort(([a, one], [b, other]) => (`${one.environment}.${a}` < `${other.environment}.${b}` ? -1 : 1));
    this.notices.look(found.map(([name, one]) => `${name} ${one.desired?.change ?? ""}`).join());
    for (const [at, [name, one]] of found.entries()) {
      const key = `${name}.${one.environment}`;
      const card = this.#cards.get(key) ?? this.#card(name, one.environment);
      this.#cards.set(key, card);
      const desired = one.desired;
      const newest = this.notices.newest(name, one.environment, desired);
      say(card.what, desired ? `${desired.blueprint} ${desired.version}${newest && ` · ${newest} is available`}` : "nothing is to run yet");
      const stands = desired?.blueprint ?? name;
      const shown = desired ? pictureOf(this.rows(), this.organization, desired) : "";
      if (card.stands !== `${stands} ${shown}`) card.emblem.replaceChildren(emblemOf(stands, shown));
      card.stands = `${stands} ${shown}`;
      marks(card.marks, one);
      this.notices.show(card.said, name, one.environment, desired);
      card.why.show(waiting.ofApplication(one));
      if (this.list.children[at] !== card.node) this.list.insertBefore(card.node, this.list.children[at] ?? null);
    }
  }

  #card(name, environment) {
    const card = { what: el("p", { class: "quiet" }), emblem: el("div"), said: el("div"), marks: el("dl", { class: "marks" }), why: new Why(this.go) };
    card.node = el("article", { class: "run" },
      el("div", { class: "product-head" }, card.emblem,
        el("div", {},
          el("h3", {}, el("button", { type: "button", class: "name", text: name, on: {
            click: () => this.go("application", name, environment),
          } })),
          card.what),
        el("span", { class: "badge", text: environment })),
      card.said, card.why.node, card.marks);
    return card;
  }

  #changesOf(changes) {
    changes.sort((one, other) => (one.opened < other.opened ? 1 : -1));
    const now = Date.now();
    const text = JSON.stringify(changes.map(({ change, status, opened }) => [change, status, age(opened, now)]));
    if (this.listed === text) return;
    this.listed = text;
    const focused = this.changes.contains(document.activeElement) ? document.activeElement.dataset.change : "";
    const lines = changes.slice(0, LATEST).map((doc) => el("li", {},
      el("span", { class: `badge ${CHANGE_MOODS[doc.status] ?? ""}`, text: asSeen(doc.status, sourceOf(doc)) }),
      el("button", { type: "button", class: "link", "data-change": doc.change, text: changeTitle(doc), on: { click: () => this.go("change", doc.change) } }),
      el("span", { class: "quiet", title: exact(doc.opened), text: `${age(doc.opened, now)} ago` })));
    this.changes.replaceChildren(...(lines.length ? [el("h3", { text: "Latest changes" }), el("ul", { class: "lines" }, lines)] : []));
    if (focused) [...this.changes.querySelectorAll("button")].find(({ dataset }) => dataset.change === focused)?.focus();
  }
}
