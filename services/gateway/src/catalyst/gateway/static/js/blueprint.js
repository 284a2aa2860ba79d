// The page of one Blueprint: what it is, what it costs, where it runs, and its form.

import { question } from "./asking.js";
import { besides, category, flags, priced } from "./catalogue.js";
import { coded, el } from "./dom.js";
import { backTo, emblem, picture, unread } from "./icons.js";
import { words } from "./notices.js";
import { Order } from "./order.js";
import { ENVIRONMENT, builds } from "./rights.js";
import { WhyNot } from "./whynot.js";

const LATEST = 6;

export class BlueprintPage {
  #abort = new AbortController();
  #order = null;

  /** `go(view, …names)` leads elsewhere; `rows()` are the live rows. */
  constructor(node, organization, blueprint, tools) {
    Object.assign(this, { node, organization, blueprint, tools, go: tools.go, rows: tools.rows });
    this.#read();
  }

  stop() {
    this.#abort.abort();
    this.#order?.stop();
  }

  changed() {
    this.#order?.changed();
  }

  tick() {
    this.#order?.tick();
  }

  /** Says that nothing can run here yet, and how that ends; null as long as it is not known. */
  #lacking() {
    const { ready, may, make } = this.tools;
    if (!ready()) return null;
    const press = () => make(ENVIRONMENT, { organization: this.organization, aggregate: "environment", id: `${this.organization}-prod` });
    return el("div", { class: "notice lacking" },
      el("p", { text: "This Organization has no Environment yet: it is where things run." }),
      may(ENVIRONMENT, this.organization)
        ? el("button", { type: "button", text: "Make an Environment", on: { click: press } })
        : el("p", { text: "Whoever owns the Organization can make one." }));
  }

  #back() {
    return backTo("Back to the catalogue", () => this.go("catalogue"));
  }

  async #read() {
    this.node.replaceChildren(el("div", { class: "page" }, this.#back(), el("p", { class: "empty", role: "status", text: "Reading…" })));
    let found;
    try {
      found = await question("catalog.show", this.organization, { blueprint: this.blueprint }, this.#abort.signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.node.replaceChildren(el("div", { class: "page" }, this.#back(),
        unread("It cannot be shown", error, () => this.#read())));
      return;
    }
    this.#draw(found);
  }

  #draw(found) {
    const { card } = found;
    const may = builds(this.tools.session, this.organization, this.rows());
    this.#order = new Order({ organization: this.organization, blueprint: card.name }, this.rows, {
      opened: (change) => this.go("change", change),
      go: this.go,
      waiting: this.tools.waiting,
      builds: may,
      lacking: () => this.#lacking(),
    });
    const whyNot = new WhyNot(this.organization, card.name, found.versions.map(({ version }) => version), {
      where: () => this.#order.environment,
      go: this.go,
      plan: may ? (version) => this.#order.askVersion(version) : null,
    });
    const title = el("h2", { text: card.title, tabindex: "-1" });
    const readme = found.readme === null
      ? el("p", { class: "quiet", text: "Its own text cannot be read now." })
      : found.readme ? el("details", {}, el("summary", { text: "Read more" }), el("pre", { class: "prose" }, found.readme)) : null;
    this.node.replaceChildren(el("div", { class: "page" },
      this.#back(),
      el("header", { class: "hero" }, emblem(card.title, card.tags, picture(this.organization, card.name, found.version, card.icon)),
        el("div", {}, title,
          el("p", { class: "quiet", text: [card.name, found.version, category(card.category)].join(" · ") }),
          el("p", { class: "tail" }, flags(card))),
        el("p", { class: "price-line" }, priced(card.price), besides(card.needs))),
      el("div", { class: "columns" },
        el("section", { class: "card main", "aria-label": "Install" }, el("h3", { text: `Install ${card.title}` }), this.#order.node),
        el("section", { class: "card aside", "aria-label": "About" }, el("h3", { text: "About" }),
          el("p", { text: found.description || card.summary }), this.#facts(found), whyNot.node, readme))));
    title.focus();
  }

  /** Whether a change is bringing it there, and nobody has seen it yet. */
  #coming({ application, environment }) {
    const row = this.rows().get(`${this.organization}._.application._.${application}`);
    const found = row?.doc?.bindings?.find((one) => one.environment === environment);
    return Boolean(found?.change) && !found.health.as_of;
  }

  #facts(found) {
    const against = (run) => run.notices.map((one) => words(one, { blueprint: found.card.name, version: run.version })).join("; ");
    const runs = found.runs.map((run) => el("button", { type: "button", class: "link", on: {
      click: () => this.go("application", run.application, run.environment),
    } }, [`${run.application} in ${run.environment} (${run.version})`, this.#coming(run) ? "on its way" : "", against(run)].filter(Boolean).join(": ")));
    const lines = [
      ["Needs", found.needs.join(", ") || "nothing else"],
      ["Copies", found.copies ? `${found.copies === 1 ? "one" : `${found.copies} at most`} in an Organization` : ""],
      ["License", found.license],
      ["Made by", found.owner?.team],
      ["Pinned", found.pinned ? `${found.pinned}: ${found.pinned_why}` : ""],
      ["Documentation", found.documentation],
    ].filter(([, text]) => text);
    return el("dl", { class: "facts" },
      el("div", {}, el("dt", { text: "Versions" }), el("dd", {}, versions(found.versions))),
      lines.map(([name, text]) => el("div", {}, el("dt", { text: name }), el("dd", {}, linked(String(text))))),
      el("div", {}, el("dt", { text: "Installed as" }), el("dd", {}, runs.length ? runs.flatMap((run, at) => (at ? [", ", run] : [run])) : "not installed")));
  }
}

/** Returns versions, the newest first; what is older than the first few is folded. */
function versions(all) {
  const list = (some) => el("ul", { class: "versions" }, some.map(versionLine));
  const older = all.slice(LATEST);
  return [list(all.slice(0, LATEST)), older.length ? el("details", {}, el("summary", { text: `${older.length} older` }), list(older)) : null];
}

/** Returns a version with what is said against it: a reason is a sentence of its own. */
function versionLine({ version, state, security, reason }) {
  const against = [state === "available" ? "" : state, security ? "dangerous" : ""].filter(Boolean).join(", ");
  return el("li", {}, el("strong", { text: version }), against ? [" ", el("span", { class: `badge ${security ? "bad" : ""}`, text: against })] : null,
    reason ? el("p", { class: "quiet" }, coded(reason)) : null);
}

/** Returns a web address as a link out of here, which learns nothing of where it was; other text as it is. */
function linked(text) {
  const web = /^https?:\/\/[^\s]+$/.test(text) && URL.canParse(text);
  return web ? el("a", { href: text, target: "_blank", rel: "noopener noreferrer", text }) : text;
}
