// One invoice, or what the month that runs would come to: its lines, and where each comes from.

import { question } from "./asking.js";
import { BILL_MOODS, CHARGING, Settled, ahead, monthName } from "./bills.js";
import { Again, Closing, FINALIZE, offered } from "./closing.js";
import { el, say } from "./dom.js";
import { Explained } from "./explained.js";
import { backTo, nothing, unread } from "./icons.js";
import { money } from "./money.js";
import { instant, place, subscribed } from "./words.js";

const SUMS = [["Total", "total"], ["Paid when it was ordered", "prepaid"], ["From credit", "credit"], ["To be paid", "open"]];

export class InvoicePage {
  #lines = new Map();
  #turn = 0;
  #again = new Settled(() => this.#ask());

  constructor(node, organization, month, { go, rows, may }) {
    Object.assign(this, { organization, month, rows, go, may });
    const title = el("h2", { text: monthName(month), tabindex: "-1" });
    this.number = el("p", { class: "quiet" });
    this.status = el("span", { class: "badge" });
    this.told = el("div", { class: "page" });
    this.sums = el("div", { class: "page" });
    this.list = el("div", { class: "bill" });
    this.more = el("div", { class: "more" });
    this.closing = new Closing(organization, month, () => this.#ask());
    this.replay = new Again(organization, { invoice: month });
    this.acts = offered(this.closing, this.replay);
    node.replaceChildren(el("div", { class: "page" },
      backTo("Back to the balance", () => go("balance")),
      el("header", { class: "hero" }, el("div", {}, title, this.number), this.status),
      this.told, this.sums,
      el("section", { class: "card", "aria-label": "Lines" }, el("h3", { text: "Lines" }), this.list, this.more),
      this.acts));
    title.focus();
    this.#ask();
  }

  stop() {
    this.#turn += 1;
    this.#again.stop();
  }

  /** Who may close a month is known once the commands are read, which may be later. */
  tick() {
    this.#offer();
  }

  /** Reads anew what a change of rows may concern; null: everything. */
  changed(keys) {
    const moved = (key) => {
      const at = place(key);
      const mine = at.organization === this.organization && CHARGING.includes(at.kind);
      return mine && (at.kind === "invoice" ? at.name === this.month : !this.final);
    };
    if (keys === null || keys.some(moved)) this.#again.soon();
  }

  async #ask() {
    const turn = ++this.#turn;
    try {
      const found = await question("billing.invoice", this.organization, { invoice: this.month });
      if (turn !== this.#turn) return;
      this.final = found.status !== "running" && found.status !== "draft";
      this.#draw(found);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.told.replaceChildren(unread("The invoice cannot be read", error, () => this.#ask()));
    }
  }

  #draw(found) {
    const { doc } = this.#row() ?? {};
    const early = ahead(found);
    const running = early ? "What was ordered or used since the month before was closed, and what goes on: that is charged once the month has begun, if it is still there" : "What the month comes to so far";
    say(this.number, found.number ? `Invoice ${found.number}` : found.status === "running" ? running : "No number yet");
    say(this.status, early ? "not begun" : found.status);
    this.status.className = `badge ${BILL_MOODS[found.status] ?? ""}`;
    this.told.replaceChildren(...told(doc, this.go));
    this.sums.replaceChildren(...found.amounts.map((one) => el("dl", { class: "price sums" }, SUMS.map(([name, part]) =>
      el("div", {}, el("dt", { text: name }), el("dd", { text: money(one[part]) }))))));
    for (const line of this.#lines.values()) line.old = true;
    const nodes = found.lines.map((line) => this.#line(line, early));
    for (const [number, { old }] of this.#lines) if (old) this.#lines.delete(number);
    const none = () => nothing("wallet", "Nothing is charged for this month.");
    this.list.replaceChildren(...(nodes.length ? nodes : [none()]));
    this.#rest(found.next);
    this.open = found.status === "running" && !early && nodes.length > 0;
    this.numbered = Boolean(found.number);
    this.#offer();
  }

  #offer() {
    this.closing.node.hidden = !(this.open && this.may(FINALIZE, this.organization));
    this.replay.node.hidden = !this.numbered;
    this.acts.hidden = this.closing.node.hidden && this.replay.node.hidden;
  }

  /** Returns a line that is kept, opened or not, as long as it says the same. */
  #line(line, early) {
    const formula = [line.formula, line.period === this.month ? "" : `for ${monthName(line.period)}`, early && line.kind === "month" ? "if it goes on" : ""].filter(Boolean).join(", ");
    const text = JSON.stringify([line, formula]);
    const before = this.#lines.get(line.line);
    if (before?.text === text) {
      before.old = false;
      return before.node;
    }
    const explained = new Explained(this.organization, { invoice: this.month }, line.line, this.go);
    const node = el("details", { class: "bill-line" },
      el("summary", {},
        el("span", {}, el("strong", { text: line.name }), el("span", { class: "quiet", text: ` ${subscribed(line.subscription)}` }),
          el("span", { class: "quiet formula", text: formula })),
        el("strong", { class: "sum", text: money(line.amount) })),
      explained.node);
    node.addEventListener("toggle", () => node.open && explained.show());
    // Whoever looked into it goes on looking.
    if (before?.node.open) node.open = true;
    this.#lines.set(line.line, { text, node, old: false });
    return node;
  }

  /** Offers what does not stand in one answer. */
  #rest(start) {
    this.more.replaceChildren(...(start === null ? [] : [el("button", { type: "button", text: "Show more lines", on: {
      click: () => this.#further(start),
    } })]));
  }

  async #further(start) {
    const turn = this.#turn;
    try {
      const found = await question("billing.invoice", this.organization, { invoice: this.month, start });
      if (turn !== this.#turn) return;
      this.list.append(...found.lines.map((line) => this.#line(line, ahead(found))));
      this.#rest(found.next);
    } catch (error) {
      if (turn === this.#turn) this.more.replaceChildren(unread("The rest cannot be read", error, () => this.#further(start)));
    }
  }

  #row() {
    for (const [key, value] of this.rows()) {
      const at = place(key);
      if (at.kind === "invoice" && at.organization === this.organization && at.name === this.month) return value;
    }
    return null;
  }
}

/** Returns what happened to an invoice afterwards, in sentences; a credit note leads to its document. */
function told(doc, go) {
  if (!doc) return [];
  const noted = ({ note, lines, since }) => el("p", { class: "notice" }, "Credit note ",
    el("button", { type: "button", class: "link", text: note, on: { click: () => go("note", note) } }),
    ` of ${instant(since)} gave back ${lines.map(({ line, amount }) => `${money(amount)} of line ${line}`).join(", ")}.`);
  return [
    ...(doc.status === "void" ? [el("p", { class: "notice", text: `It is void since ${instant(doc.voided)}: ${doc.reason}` })] : []),
    ...doc.credited.map(noted),
  ];
}
