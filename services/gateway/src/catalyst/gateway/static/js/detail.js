// One row: its document, where it comes from, and the causal chain of the command behind it.

import { chain } from "./chain.js";
import { byId, el, say } from "./dom.js";
import { block } from "./json.js";
import { KINDS, called } from "./kinds.js";
import { Why } from "./why.js";
import { actor, age, exact, instant, place, staleReason } from "./words.js";

const RELOAD_MS = 400; // A command changes a row several times in a row; its chain is read once.

export class Detail {
  #panel = byId("panel-row");
  #key = "";
  #shown = null;
  #chain = null;
  #timer = null;
  #abort = null;
  #why;
  #waits = null;
  #waiting;
  #send;
  #back;
  #go;
  #deletes;

  /**
   * `on.send(target)` is called when somebody wants to send a command to the row, `on.go(kind, name)`
   * when they want to see what it waits for, or plan its deletion, which `on.deletes(organization)` says that
   * they may; `on.back()` when they want to go back to the list, and
   * `on.waiting(organization)` is what waits there.
   */
  constructor(on) {
    this.#send = on.send;
    this.#back = on.back;
    this.#go = on.go;
    this.#deletes = on.deletes;
    this.#panel.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") this.#back();
    });
    this.#waiting = on.waiting;
    this.#why = new Why((kind, name) => on.go(kind, name, place(this.#key).organization));
    this.clear();
  }

  /** Shows that nothing is chosen. */
  clear() {
    this.#stop();
    this.#key = "";
    this.#shown = null;
    this.#waits = null;
    this.#panel.replaceChildren(
      el("p", { class: "empty", text: "Choose a row to see its document, and what led to it." }));
  }

  /** Shows a row; `value` is undefined for one that is not there (yet). */
  show(key, value) {
    if (key === this.#key && value === this.#shown) return;
    const another = key !== this.#key;
    this.#key = key;
    this.#shown = value;
    if (value) this.#draw(key, value, another);
    else if (another) this.#missing(key);
  }

  /** Puts the cursor on the title of what is shown. */
  focus() {
    this.#panel.querySelector("h3")?.focus();
  }

  /** Tells that the row was deleted, or left what is shown. */
  gone(key, told) {
    if (key !== this.#key) return;
    this.#shown = null;
    const text = told.left ? "The row left what is shown here." : `Deleted at sequence ${told.seq}.`;
    this.#panel.querySelector(".facts")?.before(el("p", { class: "notice", role: "status", text }));
    if (told.command) this.#follow(told.command, place(key).organization, true);
  }

  /** Shows the chain of a command alone. */
  showChain(command, organization) {
    this.#key = "";
    this.#shown = null;
    const title = el("h3", { text: "What the command led to", tabindex: "-1" });
    this.#panel.replaceChildren(title, this.#chainBox());
    this.#follow(command, organization, true);
    title.focus();
  }

  #draw(key, value, another) {
    const at = place(key);
    const open = another || !this.#panel.querySelector("details.doc:not([open])");
    const box = another ? this.#chainBox() : this.#panel.querySelector(".chain-box") ?? this.#chainBox();
    const doc = el("details", { class: "doc", open },
      el("summary", { text: "Document" }),
      value.doc === null ? el("p", { class: "quiet", text: "There is none yet." }) : block(value.doc));
    this.#waits = { at, doc: value.doc };
    this.#explain();
    const held = this.#panel.querySelector("h3") === document.activeElement;
    this.#panel.replaceChildren(this.#head(at, value.doc), ...this.#warning(value), this.#why.node, facts(key, value), doc, box);
    if (held) this.focus(); // The title is another one now.
    this.#follow(value.command, at.organization, another);
  }

  /** Returns the way to the plan of a deletion, for what is deleted by one and who may plan it; else null. */
  #deletion({ kind, name, organization }) {
    if (!["environment", "organization"].includes(kind) || !this.#deletes(organization, kind === "organization")) return null;
    const press = () => this.#go("deletion", kind === "environment" ? name : "", organization);
    return el("button", { type: "button", class: "small", text: "Plan its deletion", on: { click: press } });
  }

  #head(at, doc) {
    const one = KINDS.find(([kind]) => kind === at.kind)?.[2] ?? at.kind;
    const target = { organization: at.organization, aggregate: at.kind, id: at.name };
    return el("div", { class: "detail-head" },
      el("div", {}, el("p", { class: "quiet", text: one }), el("h3", { text: called(at, doc), tabindex: "-1" })),
      el("button", { type: "button", class: "small back", text: "Back to the rows", on: { click: () => this.#back() } }),
      this.#deletion(at),
      el("button", { type: "button", class: "small", text: "Send it a command", on: {
        click: () => this.#send(target),
      } }));
  }

  #warning({ stale }) {
    if (!stale) return [];
    const text = `Stale since ${instant(stale.since)} (${age(stale.since, Date.now())}): ${staleReason(stale)}.`;
    return [el("p", { class: "notice", role: "status", text })];
  }

  #missing(key) {
    const at = place(key);
    this.#panel.replaceChildren(this.#head(at, null), el("p", { class: "quiet", text: "There is no such row, or it is not yours to see." }));
  }

  #chainBox() {
    return el("section", { class: "chain-box", "aria-label": "Causal chain" },
      el("h4", { text: "What led to it" }), el("div", { class: "chain-body" },
        el("p", { class: "quiet", text: "Reading the log…" })));
  }

  /** Reads a chain soon; the one that is shown stays until the new one is there. */
  #follow(command, organization, now) {
    if (now) this.#stop();
    this.#chain = { command, organization };
    // A row that changes all the time does not put it off for ever.
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#read(this.#chain);
    }, now ? 0 : RELOAD_MS);
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#abort?.abort();
    this.#abort = null;
  }

  async #read(wanted) {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    try {
      const found = await chain(wanted.command, wanted.organization ?? "_", abort.signal);
      if (this.#chain === wanted) this.#panel.querySelector(".chain-body")?.replaceChildren(found);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  /** Keeps the ages right. */
  tick() {
    const old = this.#panel.querySelector("[data-time]");
    if (old) say(old, `${age(old.dataset.time, Date.now())} ago`);
    this.#explain();
  }

  /** Says why the row does not move, up to the cause; changes and Applications have pages that say it. */
  #explain() {
    const { at, doc } = this.#waits ?? {};
    const links = doc && at.kind !== "change" ? doc.blocked_by ?? [] : [];
    const start = `${at?.kind} ${at?.kind === "blueprint" ? doc?.name : at?.name}`;
    this.#why.show(links.length ? this.#waiting(at.organization).whole(links, start) : []);
  }
}

function facts(key, value) {
  const when = el("span", { "data-time": value.time, title: exact(value.time), text: `${age(value.time, Date.now())} ago` });
  const lines = [
    ["Changed", [when, ` · ${instant(value.time)}`]],
    ["Sequence", [String(value.seq)]],
    ["By", [actor(value.actor)]],
    ["Command", [el("code", { text: value.command })]],
    ["Event", [el("code", { text: value.event })]],
    ["Cause", [el("code", { text: value.cause })]],
    ["Key", [el("code", { text: key })]],
  ];
  return el("dl", { class: "facts" }, lines.map(([name, parts]) =>
    el("div", {}, el("dt", { text: name }), el("dd", {}, parts))));
}
