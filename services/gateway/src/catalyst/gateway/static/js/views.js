// Which part of the page is shown: the rows, or one view of an Organization. The address says it.

import { ApplicationPage } from "./application.js";
import { Applications } from "./applications.js";
import { Balance } from "./balance.js";
import { firstSteps } from "./begin.js";
import { BlueprintPage } from "./blueprint.js";
import { Catalogue } from "./catalogue.js";
import { ChangePage } from "./change.js";
import { CreditNotePage } from "./creditnote.js";
import { DeletionPage } from "./deletion.js";
import { byId, coded, el, say } from "./dom.js";
import { callOff, icon, nothing } from "./icons.js";
import { Inbox, concerns, waitingFor } from "./inbox.js";
import { InvoicePage } from "./invoice.js";
import { Letters } from "./letters.js";
import { Prices } from "./prices.js";
import { ORGANIZATION, audits, builds, deletes, listed, seesPlatform } from "./rights.js";
import { label, place } from "./words.js";

const MAKE = {
  catalogue: (node, organization, [], tools) => new Catalogue(node, organization, (name) => tools.go("blueprint", name)),
  blueprint: (node, organization, [name], tools) => new BlueprintPage(node, organization, name, tools),
  applications: (node, organization, [], tools) => new Applications(node, organization, tools),
  application: (node, organization, [name, environment], tools) => new ApplicationPage(node, organization, name, environment, tools),
  change: (node, organization, [name], tools) => new ChangePage(node, organization, name, tools),
  waiting: (node, _organization, [], tools) => new Inbox(node, tools),
  deletion: (node, organization, names, tools) => new DeletionPage(node, organization, names, tools),
  balance: (node, organization, [], tools) => new Balance(node, organization, tools),
  prices: (node, organization, [], tools) => new Prices(node, organization, tools),
  letters: (node, organization, [], tools) => new Letters(node, organization, tools),
  note: (node, organization, [note], tools) => new CreditNotePage(node, organization, note, tools),
  invoice: (node, organization, [month], tools) => new InvoicePage(node, organization, month, tools),
};
const NAME = document.title;
const NEEDS = { blueprint: 1, application: 2, change: 1, invoice: 1, note: 1 };
const ICONS = { waiting: "bell", catalogue: "grid", applications: "layers", balance: "wallet", prices: "book", rows: "list" };
/** What a window is called that shows a view of one thing. */
const TITLES = {
  blueprint: ([name]) => name,
  application: ([name, environment]) => `${name} in ${environment}`,
  change: ([name]) => `Change ${name}`,
  invoice: ([month]) => `Invoice ${month}`,
  note: ([note]) => `Credit note ${note}`,
  letters: () => "Set aside",
  waiting: () => "Waiting for you",
  deletion: ([environment], organization) => `Delete ${environment ?? organization}`,
  nowhere: () => "There is no such page",
};
/** What somebody who comes in is shown first. */
const START = "applications";
/** Under which of the buttons a view stands. */
const WITHIN = { blueprint: "catalogue", application: "applications", change: "applications", deletion: "applications", invoice: "balance", note: "balance", letters: "rows" };
/** What stays of an Organization that was deleted: its account, which is closed then, and what hangs on that. */
const LASTING = ["balance", "invoice", "note"];
/** What is of no Organization, but of all that are seen. */
const OF_ALL = ["waiting", "rows"];
/** What is shown to whoever has a role in the Organization alone, by what it shows. */
const INSIDE = { applications: "Applications", application: "Applications", change: "changes" };

const WAITING = ["Approvals", "#/waiting"];
const ROWS = ["Rows", "#/rows"];

const links = (ways) => el("ul", {}, ways.map(([text, href]) => el("li", {}, el("a", { href, text }))));

export class Views {
  #view = null;
  #settled = false;
  #shown = "";
  #session = null;
  #organization = "";
  /** Whether the row of each Organization gives who is signed in a role, as it was seen last. */
  #listed = new Map();
  /** Organizations whose row takes away a role that the session may know still: it was asked for before. */
  #lost = new Set();
  #select = byId("view-organization");
  #node = byId("view");

  /**
   * `rows()` returns the live rows, `ready()` whether they were complete once; `make(command, target)` opens
   * the form of a command, `may(command, organization)` says whether it would be taken, and
   * `waiting(organization)` returns what waits there; `chosen(organization)` is told which one is looked at.
   */
  constructor({ rows, ready, make, may, waiting, chosen }) {
    Object.assign(this, { rows, ready, make, may, waiting, chosen });
    for (const button of this.#buttons()) {
      button.prepend(icon(ICONS[button.dataset.view]));
      button.addEventListener("click", () => this.#go(button.dataset.view));
    }
    byId("to-letters").addEventListener("click", () => this.#go("letters"));
    this.#select.addEventListener("change", () => {
      this.#organization = this.#select.value;
      const [view = ""] = this.#parts();
      // A view of one thing is of one Organization alone; any other is of each.
      this.#go(Object.hasOwn(MAKE, view) && !OF_ALL.includes(view) ? (NEEDS[view] ? WITHIN[view] : view) : START);
    });
    addEventListener("hashchange", () => this.route());
  }

  begin(session) {
    this.#session = session;
    for (const id of ["views", "asks"]) byId(id).hidden = false;
    this.changed(null);
    this.route();
  }

  end() {
    this.#session = null;
    this.#close();
    this.#organization = "";
    this.#select.replaceChildren();
    this.offered = null;
    this.#listed.clear();
    this.#lost.clear();
    for (const id of ["views", "asks", "whose"]) byId(id).hidden = true;
    this.#node.hidden = true;
    this.#lead();
    document.title = NAME;
  }

  /** Rows changed; null: all of them. */
  changed(keys) {
    if (!this.#session) return;
    const roles = keys === null || keys.some((key) => place(key).kind === "organization");
    if (roles) {
      this.#hear();
      this.#offer();
    }
    // Who may look, and at what, is known once all rows are here, and anew with every list of owners.
    if (this.#shown && (roles || !this.#settled)) this.route();
    if (keys === null && !this.#organization) this.route();
    if (concerns(keys)) this.#count();
    this.#view?.changed(keys);
  }

  tick() {
    this.#view?.tick();
  }

  /** Takes note of the roles that rows give and take away: they come before the session tells it. */
  #hear() {
    for (const [key, { doc }] of this.rows()) {
      const at = place(key);
      if (at.kind !== "organization" || !doc) continue;
      const now = listed(this.#session, doc);
      if (now) this.#lost.delete(at.name);
      else if (this.#listed.get(at.name)) this.#lost.add(at.name);
      this.#listed.set(at.name, now);
    }
  }

  /** Says beside the button how much waits for whoever is signed in. */
  #count() {
    const mine = waitingFor(this.#session, this.rows()).filter(({ stands }) => stands === "decides").length;
    byId("waiting-count").hidden = !mine;
    say(byId("waiting-count"), String(mine || ""));
  }

  /** Returns whether who is signed in has a role in an Organization: as its row says, or the session. */
  #isOf(organization) {
    if (this.#listed.get(organization)) return true;
    return !this.#lost.has(organization) && Boolean(this.#session.organizations[organization]?.length);
  }

  #buttons() {
    return document.querySelectorAll(".bar button[data-view]");
  }

  #parts() {
    const found = location.hash.startsWith("#/") ? location.hash.slice(2).split("/") : [];
    try {
      return found.map(decodeURIComponent);
    } catch {
      return []; // Written by hand.
    }
  }

  #go(view, ...names) {
    if (OF_ALL.includes(view)) location.hash = `/${view}`;
    else location.hash = `/${[view, this.#organization, ...names].map(encodeURIComponent).join("/")}`;
  }

  /** Offers the Organizations that there are. */
  #offer() {
    const found = new Set(Object.keys(this.#session.organizations));
    for (const key of this.rows().keys()) {
      const at = place(key);
      if (at.kind === "organization") found.add(at.name);
    }
    const [, wanted] = this.#parts();
    if (wanted && Object.hasOwn(MAKE, this.#parts()[0])) found.add(wanted);
    const names = [...found].sort();
    const text = names.join(" ");
    if (text !== this.offered) {
      this.offered = text;
      this.#select.replaceChildren(...names.map((name) => el("option", { value: name, text: name })));
      byId("whose").hidden = !names.length;
    }
    const before = this.#organization;
    // One's own come first: a sovereign-admin sees all there are.
    const [own] = Object.keys(this.#session.organizations).sort();
    if (!found.has(this.#organization)) this.#organization = own ?? names[0] ?? "";
    this.#select.value = this.#organization;
    if (before !== this.#organization) this.route();
  }

  /** Shows what the address says. */
  route() {
    if (!this.#session) return;
    const [view = "", organization = "", ...names] = this.#parts();
    const known = Object.hasOwn(MAKE, view) && names.length >= (NEEDS[view] ?? 0);
    const target = known ? view : this.#other(view);
    byId("desk").hidden = target !== "rows";
    this.#node.hidden = target === "rows";
    for (const button of this.#buttons()) {
      const on = button.dataset.view === (WITHIN[target] ?? target);
      if (on) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
    const held = this.#node.contains(document.activeElement);
    if (target === "rows") {
      this.#close();
      this.#lead();
      this.#entitle(target, []);
      if (held) byId("list-title").focus();
      return undefined;
    }
    if (known && organization && organization !== this.#organization) {
      this.#organization = organization;
      this.#offer();
    }
    this.#select.value = this.#organization;
    this.#entitle(target, names);
    if (target === "nowhere") return this.#nowhere();
    const barred = this.#barred(target);
    this.#settled = this.ready() && !barred;
    const gone = !barred && this.#isGone(target);
    const inside = this.#isOf(this.#organization);
    const where = OF_ALL.includes(target) ? [] : [this.#organization, this.#organization || this.ready(), inside, ...[builds, deletes].map((may) => may(this.#session, this.#organization, this.rows()))];
    // What may be sent is read beside the rows, and may come later.
    const creates = !this.#organization && this.may(ORGANIZATION, "");
    const wanted = JSON.stringify([target, names, barred, gone, creates, ...where]);
    if (wanted === this.#shown) return undefined;
    this.#close();
    this.#shown = wanted;
    if (barred) {
      this.#node.replaceChildren(el("header", { class: "head" }, el("h2", { text: label(WITHIN[target] ?? target) })),
        el("div", { class: "card" }, el("div", { role: "alert" }, barred.map((text) => el("p", {}, coded(text)))), this.#elsewhere()));
      if (held) this.#land();
      return undefined;
    }
    if (!this.#organization && !OF_ALL.includes(target)) {
      this.#node.replaceChildren(this.#none());
      return undefined;
    }
    const { rows, ready, make, may, waiting } = this;
    const tools = { go: (...to) => this.#go(...to), rows, ready, make, may, waiting, gone, inside, session: this.#session };
    this.#view = MAKE[target](this.#node, this.#organization, names, tools);
    if (held) this.#land();
    return undefined;
  }

  /** Lets the rows begin with those of the Organization, and says on the button to what was set aside which one that is. */
  #lead() {
    this.chosen(this.#organization);
    say(byId("to-letters"), `What was set aside${this.#organization && ` in ${this.#organization}`}`);
  }

  /** Calls the window by what it shows: of several, that is all that is seen. */
  #entitle(target, names) {
    const what = Object.hasOwn(TITLES, target) ? TITLES[target](names, this.#organization) : label(target);
    const whose = OF_ALL.includes(target) ? "" : this.#organization;
    document.title = [what, whose, NAME].filter(Boolean).join(" · ");
  }

  /** Puts the cursor on the title of a view, where what it stood on has gone with the view before. */
  #land() {
    const title = this.#node.querySelector("h2");
    if (!title || document.activeElement !== document.body) return;
    title.tabIndex = -1;
    title.focus();
  }

  /** Returns what an address shows that names no view: where one begins, the rows, or nothing. */
  #other(view) {
    if (!location.hash || location.hash === "#") return START;
    // Whatever else begins like a view is none; a row's key belongs to the rows.
    return location.hash.startsWith("#/") && view !== "rows" ? "nowhere" : "rows";
  }

  #own(kind) {
    return this.rows().get(`${this.#organization}._.${kind}._.${this.#organization}`);
  }

  /** Returns whether the Organization was deleted, as far as whoever looks may know. */
  #isDeleted() {
    return !this.#own("organization") && this.#own("account")?.doc?.status === "closed";
  }

  /** Returns whether a view shows what is left of an Organization that was deleted. */
  #isGone(view) {
    return this.ready() && LASTING.includes(view) && this.#isDeleted();
  }

  /** Returns why a view has nothing to show to whoever looks, in sentences; null if it has, or nobody knows yet. */
  #barred(view) {
    const whose = this.#organization;
    // Messages are set aside even where their Organization was never made.
    if (!whose || !this.ready() || view === "letters" || OF_ALL.includes(view)) return null;
    const row = this.#own("organization");
    if (!row) {
      if (this.#isGone(view)) return null;
      if (this.#isDeleted()) return [`The Organization '${whose}' was deleted, and with it what ran in it and all that was said of its changes.`, "Its account stays, with its invoices."];
      return seesPlatform(this.#session) ? [`There is no Organization '${whose}'.`]
        : [`There is no Organization '${whose}', or you have no role in ${whose} that lets you see it.`, `Whoever owns ${whose} can give you one.`];
    }
    if (!Object.hasOwn(INSIDE, view) || !row.doc || this.#isOf(whose) || (view === "change" && audits(this.#session))) return null;
    return [`Your role does not see ${INSIDE[view]} here: they are shown to whoever has a role in ${whose}.`, `Whoever owns ${whose} can give you one.`];
  }

  /** Returns ways on from where nothing is shown: to what is left, to another Organization, to the rows. */
  #elsewhere() {
    const whose = this.#organization;
    const other = [...this.#select.options].map(({ value }) => value).find((name) => name !== whose);
    const to = (view, name) => [`${label(view)} of ${name}`, `#/${[view, name].map(encodeURIComponent).join("/")}`];
    return links([...(this.#isDeleted() ? [to("balance", whose)] : []), ...(other ? [to(START, other)] : []), ROWS]);
  }

  /** Says that there is no Organization, and how to come to one. */
  #none() {
    if (!this.ready()) return nothing("people", "Looking for your Organizations…");
    if (!this.may(ORGANIZATION, "")) return nothing("people", "You are in no Organization yet. Whoever owns one can add you.");
    return firstSteps(() => this.make(ORGANIZATION, {}));
  }

  /** Says that an address leads nowhere, with ways to what there is. */
  #nowhere() {
    this.#close();
    const title = el("h2", { text: "There is no such page", tabindex: "-1" });
    const ways = ["applications", "catalogue", "balance", "prices"].map((view) => [label(view), `#/${[view, this.#organization].map(encodeURIComponent).join("/")}`]);
    this.#node.replaceChildren(el("div", { class: "card" }, title,
      el("p", { text: "The address may be mistyped, or from another version. This is here:" }),
      links([WAITING, ...(this.#organization ? ways : []), ROWS])));
    title.focus();
  }

  #close() {
    this.#view?.stop();
    this.#view = null;
    this.#shown = "";
    callOff();
    this.#node.replaceChildren();
  }
}
