// What an Organization is charged: the month that runs, the invoices before it, and what was used.

import { question } from "./asking.js";
import { el } from "./dom.js";
import { fine, money } from "./money.js";
import { unreadable } from "./refusal.js";
import { counted, instant, measured, place, subscribed } from "./words.js";

/** Kinds of rows that move what a running month comes to. */
export const CHARGING = ["account", "subscription", "usage", "invoice", "credit-note"];
/** How an invoice's status is coloured; the word itself always stands there. */
export const BILL_MOODS = { paid: "good", finalized: "warn", draft: "warn", running: "warn", void: "bad" };
const SETTLE_MS = 700; // Use comes in bursts; what it costs is asked once.

/** Returns the month that runs, as invoices are named. */
export function thisMonth() {
  return new Date().toISOString().slice(0, 7);
}

/** Returns the month after one. */
function monthAfter(month) {
  return new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 1)).toISOString().slice(0, 7);
}

/** Returns whether an invoice is of a month that has not begun: the one before it was closed early. */
export function ahead({ status, month }) {
  return status === "running" && month > thisMonth();
}

/** Returns a month as people write it: `2026-11` → `November 2026`. */
export function monthName(month) {
  const then = new Date(`${month}-01T00:00:00Z`);
  return Number.isNaN(then.getTime()) ? month : then.toLocaleString(undefined, { month: "long", year: "numeric", timeZone: "UTC" });
}

/** Calls `work` once things are quiet, however often it is asked to. */
export class Settled {
  #timer = null;

  constructor(work) {
    this.work = work;
  }

  soon() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.work();
    }, SETTLE_MS);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }
}

export class Bills {
  #running = null;
  #asked = false;
  #problem = "";
  #drawn = "";
  #stopped = false;
  #again = new Settled(() => this.#ask());

  constructor(organization, { go, rows }) {
    Object.assign(this, { organization, go, rows });
    this.invoices = el("section", { class: "card bills", "aria-label": "Invoices" });
    this.use = el("section", { class: "card use", "aria-label": "Use" });
    this.#ask();
    this.#draw();
  }

  stop() {
    this.#stopped = true;
    this.#again.stop();
  }

  /** Draws anew what a change of rows concerns; null: everything. */
  changed(keys) {
    const moved = (key) => {
      const at = place(key);
      return at.organization === this.organization && CHARGING.includes(at.kind);
    };
    if (keys !== null && !keys.some(moved)) return;
    this.#again.soon();
    this.#draw();
  }

  async #ask() {
    try {
      this.#running = await this.#invoiceOf(thisMonth());
      // What is ordered in a month that was closed early stands on the next invoice.
      if (this.#running.status !== "running") this.#running = await this.#invoiceOf(monthAfter(thisMonth()));
      this.#problem = "";
    } catch (error) {
      this.#running = null;
      // A month without an account has no invoice, which is nothing to tell.
      this.#problem = error.status === 404 ? "" : unreadable(`What ${monthName(thisMonth())} comes to cannot be read`, error);
    }
    this.#asked = true;
    if (!this.#stopped) this.#draw();
  }

  #invoiceOf(month) {
    return question("billing.invoice", this.organization, { invoice: month });
  }

  #draw() {
    const month = thisMonth();
    const found = new Map();
    const notes = [];
    let used = null;
    for (const [key, { doc }] of this.rows()) {
      const at = place(key);
      if (at.organization !== this.organization || !doc) continue;
      if (at.kind === "invoice") found.set(at.name, doc);
      if (at.kind === "credit-note") notes.push(doc);
      if (at.kind === "usage" && at.name === month) used = doc;
    }
    if (this.#running && !found.has(this.#running.month)) found.set(this.#running.month, this.#running);
    const invoices = [...found].sort(([one], [other]) => (one < other ? 1 : -1));
    notes.sort((one, other) => (one.drafted < other.drafted ? 1 : -1));
    const text = JSON.stringify([invoices, notes, used, this.#problem, this.#asked]);
    if (text === this.#drawn) return;
    this.#drawn = text;
    const focused = this.invoices.contains(document.activeElement) ? document.activeElement.dataset.month : "";
    this.invoices.replaceChildren(
      el("h3", { text: "Invoices" }),
      ...(this.#problem ? [el("p", { class: "notice", text: this.#problem })] : []),
      invoices.length ? el("ul", { class: "lines" }, invoices.map(([name, doc]) => this.#invoice(name, doc)))
        : el("p", { class: "quiet", text: this.#asked ? "Nothing was charged yet." : "Looking…" }),
      ...(notes.length ? [el("h4", { text: "Credit notes" }), el("ul", { class: "lines" }, notes.map((doc) => this.#note(doc)))] : []));
    if (focused) this.invoices.querySelector(`button[data-month="${CSS.escape(focused)}"]`)?.focus();
    const late = found.get(month)?.number ? [el("p", { class: "quiet", text: "The month was closed early: what is used from now on stands on the next invoice." })] : [];
    this.use.replaceChildren(el("h3", { text: `Used in ${monthName(month)} so far` }), ...late, ...useOf(used));
  }

  #note({ note, status, number, invoice, total }) {
    return el("li", {},
      el("div", {},
        el("button", { type: "button", class: "link", text: number || note, on: { click: () => this.go("note", note) } }),
        el("p", { class: "quiet", text: `for ${monthName(invoice)}` })),
      el("div", { class: "sum" }, el("span", { class: `badge ${status === "finalized" ? "good" : "warn"}`, text: status }), el("strong", { text: money(total) })));
  }

  #invoice(month, { status: is, number, amounts }) {
    const status = ahead({ status: is, month }) ? "not begun" : is;
    const told = { running: "so far", "not begun": "ordered or used since, and what goes on" }[status];
    const total = amounts.map((one) => money(one.total)).join(", ") || "nothing";
    return el("li", {},
      el("div", {},
        el("button", { type: "button", class: "link", "data-month": month, text: monthName(month), on: { click: () => this.go("invoice", month) } }),
        el("p", { class: "quiet", text: told ?? (number || "no number yet") })),
      el("div", { class: "sum" }, el("span", { class: `badge ${BILL_MOODS[status] ?? ""}`, text: status }), el("strong", { text: total })));
  }
}

/** Returns what was used, as elements. */
function useOf(doc) {
  if (!doc) return [el("p", { class: "quiet", text: "Nothing was reported." })];
  const meters = doc.meters.map((one) => el("li", {},
    el("div", {}, el("strong", { text: one.meter }), el("p", { class: "quiet", text: `${subscribed(one.subscription)} · ${counted(one.uses, "use")}` })),
    el("div", { class: "sum" }, el("span", { text: measured(one) }), el("strong", { text: fine(one.amount) }))));
  const lost = doc.unmatched.map(({ use, reason, since, waits }) => el("li", {},
    el("div", {}, el("strong", { text: `${use.meter} of ${subscribed(use.subscription)}` }), el("p", { class: "quiet", text: `${reason} · ${instant(since)}${waits ? " · counts by itself once it fits" : ""}` })),
    el("span", { text: measured(use) })));
  return [
    ...doc.alerts.map((one) => el("p", { class: "notice", text: `${one.percent} % of the spend limit is reached: ${money(one.spent)} of ${money(one.limit)}.` })),
    meters.length ? el("ul", { class: "lines" }, meters) : el("p", { class: "quiet", text: "Nothing was counted." }),
    lost.length ? el("details", {}, el("summary", { text: `${counted(lost.length, "use")} could not be counted` }), el("p", { class: "quiet", text: "What waits counts by itself within 45 days of its use; all else counts if it is sent again once it fits." }), el("ul", { class: "lines" }, lost)) : null,
  ].filter(Boolean);
}
