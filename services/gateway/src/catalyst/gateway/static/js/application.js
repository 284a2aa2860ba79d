// One Application in one Environment: its marks, its configuration, and what can be done with it.

import { Absence, absent } from "./absent.js";
import { el, say } from "./dom.js";
import { backTo, emblemOf, nothing, pictureOf } from "./icons.js";
import { marks } from "./marks.js";
import { Notices } from "./notices.js";
import { Order } from "./order.js";
import { builds } from "./rights.js";
import { changeTitle, takesAway, worksOn } from "./steps.js";
import { Upgrades } from "./upgrades.js";
import { Why } from "./why.js";
import { instant, place } from "./words.js";

export class ApplicationPage {
  #order = null;
  #upgrades = null;

  constructor(node, organization, application, environment, { go, rows, ready, session, waiting }) {
    Object.assign(this, { organization, application, environment, go, rows, waiting });
    this.absence = new Absence(ready);
    this.builds = builds(session, organization, rows());
    this.marks = el("dl", { class: "marks" });
    this.what = el("p", { class: "quiet" });
    this.why = new Why(go);
    this.free = el("p", { class: "quiet", text: "Nothing blocks it." });
    this.news = el("div");
    this.said = el("div");
    // What it can be upgraded to is asked as often as what was said against it: at once, and once a minute.
    this.notices = new Notices(organization, application, () => {
      this.changed();
      this.#upgrades?.read();
    });
    this.emblem = el("div");
    this.order = el("section", { class: "card main", "aria-label": "Configuration" });
    // Below both: what is planned may have been asked for in either.
    this.plan = el("div");
    this.acts = el("section", { class: "card acts", "aria-label": "Upgrade, go back or remove", hidden: true });
    this.state = el("section", { class: "card state-of", "aria-label": "Status" }, el("h3", { text: "Status" }), this.said, this.news, this.why.node, this.free, this.marks);
    const title = el("h2", { text: application, tabindex: "-1" });
    node.replaceChildren(el("div", { class: "page" },
      backTo("Back to Applications", () => go("applications")),
      el("header", { class: "hero" }, this.emblem,
        el("div", {}, title, this.what), el("span", { class: "badge", text: environment })),
      this.state,
      el("div", { class: "columns" }, this.order, el("div", { class: "aside" }, this.acts)), this.plan));
    this.changed();
    title.focus();
  }

  stop() {
    this.#order?.stop();
    this.#upgrades?.stop();
    this.notices.stop();
  }

  tick() {
    this.#order?.tick();
    this.changed();
  }

  changed() {
    const found = this.#binding();
    const desired = found?.desired;
    this.notices.look(desired?.change ?? "");
    this.notices.show(this.said, this.application, this.environment, desired);
    if (found) marks(this.marks, found, true);
    else this.marks.replaceChildren();
    const waiting = this.waiting(this.organization);
    const news = this.#open(waiting) ?? (desired ? null : this.#removal());
    this.#tell(news);
    const links = found ? waiting.ofApplication(found) : [];
    this.why.show(links);
    this.free.hidden = !found || links.length > 0;
    const revision = desired?.change ?? "";
    // Another revision, another configuration: what is typed counts for one that is gone.
    if (revision !== this.revision) this.#begin(desired);
    this.revision = revision;
    if (desired) this.#goBack(desired);
    this.#be(desired, Boolean(found || news));
  }

  /** Says what is to run there; that there is none only once its row would have come. */
  #be(desired, known) {
    const none = !known && this.absence.sure;
    this.state.hidden = none;
    const text = none ? `There is no Application ${this.application} in ${this.environment}, or it is not yours to see.`
      : known ? "Nothing is to run there now." : "Looking…";
    say(this.what, desired ? `${desired.blueprint} ${desired.version}${reached(desired)}` : none ? "" : text);
    if (desired || this.empty === text) return;
    this.empty = text;
    this.order.replaceChildren(none ? absent(text, this.organization) : nothing("layers", text));
  }

  /** Offers to go back to what earlier changes made of it, the newest first. */
  #goBack(desired) {
    const found = this.#earlier(desired);
    const text = JSON.stringify(found);
    if (text === this.forms) return;
    this.forms = text;
    const { application, environment } = this;
    this.earlier.replaceChildren(...(found.length ? [el("h4", { text: "Earlier" }), el("ul", { class: "lines" }, found.map((one) => el("li", {},
      el("span", {}, one.title, el("span", { class: "quiet", text: ` ${one.version} · ${instant(one.finished)}` })),
      el("button", { type: "button", class: "small", "data-change": one.change, text: "Plan the way back to this", on: {
        click: () => this.#order.ask({ action: "rollback", environment, application, revision: one.change }),
      } }))))] : []));
  }

  /** Returns the completed changes that gave it another form since it was installed, without the present one. */
  #earlier(desired) {
    const since = this.#removal()?.finished ?? "";
    const found = [];
    for (const [key, { doc }] of this.rows()) {
      const at = place(key);
      if (at.kind !== "change" || at.organization !== this.organization || doc?.status !== "completed") continue;
      if (doc.request.environment !== this.environment || takesAway(doc.request.action)) continue;
      const locked = doc.lock.find((one) => one.application === this.application && one.role !== "shared");
      if (!locked || doc.change === desired.change || doc.finished <= since) continue;
      found.push({ change: doc.change, title: changeTitle(doc), version: locked.version, finished: doc.finished });
    }
    return found.sort((one, other) => (one.finished < other.finished ? 1 : -1));
  }

  #binding() {
    for (const [key, { doc }] of this.rows()) {
      const at = place(key);
      if (at.kind !== "application" || at.organization !== this.organization || at.name !== this.application) continue;
      return doc?.bindings?.find((one) => one.environment === this.environment) ?? null;
    }
    return null;
  }

  /** Returns what the oldest change that is at work here, or waits to be, is about; null if there is none. */
  #open(waiting) {
    const [first] = waiting.open((doc) => worksOn(doc, this.application, this.environment));
    return first ? { change: first.doc.change, text: `${changeTitle(first.doc)} is ${first.doc.status}.`, link: "See how far it is" } : null;
  }

  /** Returns the latest completed change that took it away; null if none is known. */
  #removal() {
    let latest = null;
    for (const [key, { doc }] of this.rows()) {
      const at = place(key);
      if (at.kind !== "change" || at.organization !== this.organization || doc?.status !== "completed") continue;
      if (!takesAway(doc.request.action) || !worksOn(doc, this.application, this.environment)) continue;
      if (!latest || doc.finished > latest.finished) latest = { change: at.name, finished: doc.finished };
    }
    return latest && { ...latest, text: `It was removed on ${instant(latest.finished)}.`, link: `The change ${latest.change}` };
  }

  #tell(found) {
    const text = JSON.stringify(found);
    if (text === this.told) return;
    this.told = text;
    this.news.replaceChildren(...(found ? [
      el("p", { text: found.text }),
      el("p", {}, el("button", { type: "button", class: "link", text: found.link, on: { click: () => this.go("change", found.change) } })),
    ] : []));
  }

  #begin(desired) {
    this.#order?.stop();
    this.#upgrades?.stop();
    this.#order = this.#upgrades = null;
    const shown = desired ? pictureOf(this.rows(), this.organization, desired) : "";
    this.emblem.replaceChildren(emblemOf(desired?.blueprint ?? this.application, shown));
    this.acts.hidden = !desired || !this.builds;
    this.empty = "";
    this.plan.replaceChildren();
    if (!desired) return;
    const { organization, application, environment } = this;
    const order = new Order({ organization, blueprint: desired.blueprint, environment, application }, this.rows, {
      opened: (change) => this.go("change", change),
      go: this.go,
      waiting: this.waiting,
      builds: this.builds,
    });
    this.#order = order;
    const remove = el("button", { type: "button", class: "danger", on: {
      click: () => order.ask({ action: "uninstall", environment, application }),
    } }, "Plan the uninstall");
    const upgrades = new Upgrades({ organization, application, environment, blueprint: desired.blueprint, version: desired.version },
      (version) => order.ask({ action: "upgrade", environment, application, version }));
    this.#upgrades = upgrades;
    this.earlier = el("div");
    this.forms = "";
    this.order.replaceChildren(el("h3", { text: "Configuration" }), order.node);
    this.plan.replaceChildren(order.plan.node);
    this.acts.replaceChildren(el("h3", { text: "Upgrade, go back or remove" }), upgrades.node, this.earlier, el("div", { class: "actions" }, remove));
  }
}

/** Returns under which public hosts something is reached, to stand behind what it is. */
function reached({ hosts = [] }) {
  return hosts.length ? `, reached under ${hosts.join(" and ")}` : "";
}
