// Where a line of an invoice comes from: its price, its formula, and every event behind it.

import { question } from "./asking.js";
import { el } from "./dom.js";
import { unread } from "./icons.js";
import { fine, money } from "./money.js";
import { commandName, counted, instant, measured } from "./words.js";

export class Explained {
  #asked = false;

  /** `of` is `{invoice}` or `{credit_note}`; `line` the number of one of its lines; `go` leads to a change. */
  constructor(organization, of, line, go) {
    Object.assign(this, { organization, of, line, go });
    this.node = el("div", { class: "explained" });
  }

  /** Reads it, once. */
  async show() {
    if (this.#asked) return;
    this.#asked = true;
    this.node.replaceChildren(el("p", { class: "quiet", role: "status", text: "Looking…" }));
    try {
      this.#draw(await this.#page(0));
    } catch (error) {
      this.#asked = false;
      this.node.replaceChildren(unread("It cannot be explained", error, () => this.show()));
    }
  }

  #page(start) {
    return question("billing.explain", this.organization, { ...this.of, line: this.line, start });
  }

  #draw(found) {
    const { line } = found;
    const events = el("ul", { class: "events", tabindex: "0", "aria-label": "Events" }, found.events.map(event));
    const more = el("div");
    this.node.replaceChildren(
      el("p", { text: `${line.formula} = ${money(line.amount)}` }),
      ...charged(found.charge),
      ...(line.hold ? [this.#taken(line.hold)] : []),
      el("p", { class: "quiet", text: `For ${line.period}, by price book ${line.book} ${line.version}, applied by event ${found.price_book_seq}` }),
      ...found.corrections.map((one) => el("p", { text: correction(one) })),
      el("h4", { text: `${counted(found.count, "event")} behind it` }), events, more);
    this.#rest(found.next, events, more);
  }

  /** Says of what was ordered when it was charged: not with the invoice that lists it. */
  #taken(change) {
    return el("p", {}, "It was charged before this invoice, once the change ",
      el("button", { type: "button", class: "link", text: change, on: { click: () => this.go("change", change) } }),
      " was done: what had been set aside for it was taken from the credit. What the credit did not cover, if anything, is part of “To be paid”.");
  }

  #rest(start, events, more) {
    more.replaceChildren(...(start === null ? [] : [el("button", { type: "button", class: "small", text: "Show more", on: {
      click: async () => {
        try {
          const found = await this.#page(start);
          events.append(...found.events.map(event));
          this.#rest(found.next, events, more);
        } catch (error) {
          more.replaceChildren(unread("The rest cannot be read", error, () => this.#rest(start, events, more)));
        }
      },
    } })]));
  }
}

const COUNTED = {
  sum: "all that was used",
  count: "how often it was used",
  max: "the most that was reported at once",
  latest: "what was reported last",
  unique: "how many different ones were reported",
};

/** Returns how use became money, step by step; nothing of what is no use. */
function charged(charge) {
  if (!charge) return [];
  const { unit, size, included, parts, minimum } = charge;
  const per = size === 1 ? unit : `packages of ${size} ${unit}`;
  const steps = parts.map(({ quantity, price, flat, amount }) =>
    el("li", { text: `${quantity} ${per} at ${fine(price)}${flat ? ` and ${money(flat)}` : ""} = ${fine(amount)}` }));
  return [
    el("p", { text: `Counted is ${COUNTED[charge.aggregation]}, in ${unit}${included ? `; ${included} of it cost nothing` : ""}.` }),
    ...(steps.length ? [el("ul", { "aria-label": "How it adds up" }, steps)] : []),
    ...(minimum ? [el("p", { text: `A month with any use costs at least ${money(minimum)}.` })] : []),
  ];
}

function event({ seq, type, use, month }) {
  const said = use
    ? `${measured(use)}${use.value ? ` (${use.value})` : ""}, ${instant(use.time)}, reported by ${use.source} as ${use.id}`
    : [commandName(type), month].filter(Boolean).join(", ");
  return el("li", {}, el("span", { class: "quiet", text: `event ${seq} ` }), said);
}

function correction({ credit_note: note, amount, reason }) {
  return note ? `Credit note ${note} gave back ${money(amount)}.` : `The invoice is void: ${reason}`;
}
