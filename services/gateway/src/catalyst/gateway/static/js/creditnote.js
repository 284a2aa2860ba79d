// One credit note: what it gives back, line by line, of which invoice, and where each line comes from.

import { monthName } from "./bills.js";
import { Again, offered } from "./closing.js";
import { el, say } from "./dom.js";
import { Explained } from "./explained.js";
import { backTo, nothing } from "./icons.js";
import { less, money } from "./money.js";
import { instant, place, subscribed } from "./words.js";

const SUMS = [["Given back", "total"], ["Off what is to be paid", "lowered"], ["As credit", "credit"]];

export class CreditNotePage {
  #drawn = "";

  constructor(node, organization, note, { go, rows, ready }) {
    Object.assign(this, { organization, note, rows, ready, go });
    const title = el("h2", { text: "Credit note", tabindex: "-1" });
    this.number = el("p", { class: "quiet" });
    this.status = el("span", { class: "badge" });
    this.told = el("div", { class: "page" });
    this.replay = new Again(organization, { credit_note: note });
    this.acts = offered(this.replay);
    node.replaceChildren(el("div", { class: "page" },
      backTo("Back to the balance", () => go("balance")),
      el("header", { class: "hero" }, el("div", {}, title, this.number), this.status),
      this.told, this.acts));
    title.focus();
    this.changed(null);
  }

  stop() {}

  tick() {}

  changed(_keys) {
    const doc = this.#row();
    const text = JSON.stringify(doc ?? this.ready());
    if (text === this.#drawn) return;
    this.#drawn = text;
    this.acts.hidden = this.replay.node.hidden = !doc?.number;
    if (doc) this.#draw(doc);
    else this.told.replaceChildren(el("div", { class: "card" }, nothing("wallet", this.ready() ? "There is no such credit note, or it is not yours to see." : "Looking…")));
  }

  #draw(doc) {
    say(this.number, doc.number ? `Number ${doc.number}, ${instant(doc.finalized)}` : "No number yet");
    say(this.status, doc.status);
    this.status.className = `badge ${doc.status === "finalized" ? "good" : "warn"}`;
    const bill = el("button", { type: "button", class: "link", text: `${doc.invoice_number || "the invoice"} of ${monthName(doc.invoice)}`, on: { click: () => this.go("invoice", doc.invoice) } });
    this.told.replaceChildren(
      el("p", {}, "It corrects ", bill, `: ${doc.reason}`),
      el("dl", { class: "price sums" }, SUMS.map(([name, part]) => el("div", {}, el("dt", { text: name }), el("dd", { text: money(doc[part]) })))),
      el("section", { class: "card", "aria-label": "Lines" }, el("h3", { text: "Lines" }),
        el("div", { class: "bill" }, doc.lines.map((line, at) => this.#line(line, at + 1)))));
  }

  #line(line, number) {
    const explained = new Explained(this.organization, { credit_note: this.note }, number, this.go);
    const left = less(less(line.invoiced, line.before), line.amount);
    const node = el("details", { class: "bill-line" },
      el("summary", {},
        el("span", {}, el("strong", { text: line.name }), el("span", { class: "quiet", text: ` ${subscribed(line.subscription)}` }),
          el("span", { class: "quiet formula", text: `line ${line.line}, for ${line.period}: ${money(line.invoiced)} invoiced, ${money(left)} left of it` })),
        el("strong", { class: "sum", text: money(line.amount) })),
      explained.node);
    node.addEventListener("toggle", () => node.open && explained.show());
    return node;
  }

  #row() {
    for (const [key, { doc }] of this.rows()) {
      const at = place(key);
      if (at.kind === "credit-note" && at.organization === this.organization && at.name === this.note) return doc;
    }
    return null;
  }
}
