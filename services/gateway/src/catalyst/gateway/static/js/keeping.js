// What whoever keeps the platform's money does: vouchers, and versions of the price book.

import { commandId } from "./api.js";
import { command, question } from "./asking.js";
import { el, say } from "./dom.js";
import { Control, Numeric, Text } from "./fields.js";
import { amount, money } from "./money.js";
import { placed, words } from "./refusal.js";
import { canBeRevoked, standing } from "./voucher.js";
import { counted, instant, place } from "./words.js";

const PLATFORM = "_";
const MOODS = { issued: "good", "not begun": "warn" };
const about = (description) => ({ kind: "text", schema: {}, description });

/** A form of one command: its fields, its button, what became of it, and what was wrong. */
class Kept {
  #sent = { text: "", key: "" };

  constructor(title, fields, text, act) {
    this.fields = fields;
    this.said = el("p", { class: "worth", role: "status" });
    this.problems = el("div", { class: "problems", role: "alert" });
    this.button = el("button", { type: "submit", class: "primary", text });
    this.node = el("form", { class: "card", novalidate: true, "aria-label": title, on: {
      submit: (event) => {
        event.preventDefault();
        this.#act(act);
      },
    } }, Object.values(fields).map(({ node }) => node), this.problems,
    el("div", { class: "actions" }, this.button), this.said);
  }

  /** Sends a command and returns its result; once more under the same key, as long as nothing else is asked and no answer came. */
  async send(type, query, data) {
    const text = JSON.stringify([type, query, data]);
    if (text !== this.#sent.text) this.#sent = { text, key: commandId() };
    return (await command(type, this.#sent.key, { organization: PLATFORM, ...query }, data)).result;
  }

  async #act(act) {
    for (const field of Object.values(this.fields)) field.clear();
    this.problems.replaceChildren();
    say(this.said, "");
    const missing = Object.values(this.fields).map((field) => field.demand()).find(Boolean);
    if (missing) return missing.focus();
    this.button.disabled = true;
    say(this.said, "Sending…");
    try {
      this.said.replaceChildren(...(await act(this)));
      this.#sent = { text: "", key: "" };
    } catch (error) {
      if (error.status) this.#sent = { text: "", key: "" };
      say(this.said, "");
      this.problems.replaceChildren(placed(error, (one) => {
        const field = this.fields[one.pointer?.split("/")[2]] ?? null;
        return { field, text: words(one) };
      }));
    } finally {
      this.button.disabled = false;
    }
    return undefined;
  }
}

const folded = (text, { node }) => el("details", { class: "keeping" }, el("summary", { text }), node);

/** An amount with its currency. */
class Worth extends Text {
  demand() {
    const missing = super.demand();
    if (missing || amount(this.collect())) return missing;
    this.mark("must be an amount and its currency, such as `25.000 OMR`");
    return this;
  }
}

/** An instant, given as people here write it; nothing if none is given. */
class When extends Control {
  constructor(name, description) {
    super(name, about(description), false, el("input", { type: "datetime-local" }));
  }

  collect() {
    return this.control.value === "" ? undefined : new Date(this.control.value).toISOString();
  }
}

/** Issues vouchers, shows those there are, and revokes them. */
export class Vouchers {
  #drawn = "";
  /** The code that was drawn for a voucher and is not known to be issued. */
  #code = null;

  constructor(rows) {
    this.rows = rows;
    const form = new Kept("Issue a voucher", {
      amount: new Worth("worth", about("What it is worth, such as 25.000 OMR."), true),
      cap: new Numeric("how often it may be redeemed", about("Once, if nothing is given; by each Organization once."), false),
      starts: new When("redeemable from", "At once, if nothing is given."),
      ends: new When("redeemable until", "For ever, if nothing is given."),
      credit_days: new Numeric("days that its credit lasts", about("Counted from when it is redeemed. Until it is spent, if nothing is given."), false),
      description: new Text("what it is for", about("Whoever redeems it reads this."), false),
    }, "Issue it", (kept) => this.#issue(kept));
    this.title = el("h3", { text: "Vouchers", tabindex: "-1" });
    this.list = el("ul", { class: "lines" });
    this.none = el("p", { class: "quiet", text: "None was issued yet." });
    this.form = folded("Issue a voucher", form);
    this.node = el("section", { class: "card vouchers", "aria-label": "Vouchers" }, this.title, this.none, this.list);
    this.changed();
  }

  changed() {
    const found = [...this.rows()].map(([key, { doc }]) => ({ ...place(key), doc })).filter(({ kind, doc }) => kind === "voucher" && doc);
    found.sort(({ doc: one }, { doc: other }) => (one.issued < other.issued ? 1 : -1));
    const text = JSON.stringify(found.map(({ name, doc }) => [name, doc, standing(doc)]));
    // What is being written about one is not taken away because another changes.
    if (text === this.#drawn || this.list.contains(document.activeElement)) return;
    this.#drawn = text;
    this.none.hidden = found.length > 0;
    this.list.replaceChildren(...found.map(({ name, doc }) => this.#line(name, doc)));
  }

  tick() {
    this.changed();
  }

  async #issue(kept) {
    const { amount: worth, cap, description, starts, ends, credit_days: days } = kept.fields;
    this.#code ??= await question("billing.voucher-code", PLATFORM, {});
    const { code, voucher } = this.#code;
    const data = { code, amount: amount(worth.collect()), cap: cap.collect() ?? 1, description: description.collect() ?? "",
      starts: starts.collect(), ends: ends.collect(), credit_days: days.collect() };
    await kept.send("billing.issue-voucher.v1", { aggregate: "voucher", id: voucher }, data);
    this.#code = null;
    for (const field of Object.values(kept.fields)) field.control.value = "";
    return ["It is issued. Its code, which nobody is shown again: ", el("code", { text: code })];
  }

  #line(voucher, doc) {
    const told = [doc.description, `${doc.redeemed} of ${doc.cap} redeemed`, doc.reason ? `revoked: ${doc.reason}` : ""];
    const credit = doc.credit_days ? `its credit lasts ${counted(doc.credit_days, "day")}` : "its credit lasts until it is spent";
    const status = standing(doc);
    return el("li", {},
      el("div", {}, el("strong", { text: doc.prefix }), el("p", { class: "quiet", text: told.filter(Boolean).join(" · ") }),
        el("p", { class: "quiet", text: `Redeemable from ${instant(doc.starts ?? doc.issued)} ${doc.ends ? `until ${instant(doc.ends)}` : "on, without an end"}; ${credit}` }),
        canBeRevoked(doc) ? this.#revoking(voucher, doc) : null),
      el("div", { class: "sum" }, el("span", { class: `badge ${MOODS[status] ?? ""}`, text: status }), el("strong", { text: money(doc.amount) })));
  }

  #revoking(voucher, doc) {
    const kept = new Kept(`Revoke ${doc.prefix}`, { reason: new Text("why", about("What was redeemed stays."), true) }, "Revoke it", async () => {
      await kept.send("billing.revoke-voucher.v1", { aggregate: "voucher", id: voucher }, { reason: kept.fields.reason.collect() });
      this.title.focus();
      return ["It is revoked."];
    });
    kept.node.className = "part";
    kept.button.className = "danger";
    return el("details", {}, el("summary", { text: "Revoke it", "aria-label": `Revoke ${doc.prefix}` }), kept.node);
  }
}

/** Puts a version of the price book in force. */
export function newBook() {
  const control = el("textarea", { rows: "8", spellcheck: "false" });
  const written = new Control("price book", about("All of it, as YAML or JSON. Its version and the day from which on it is in force stand in it."), true, control);
  written.collect = () => (control.value.trim() === "" ? undefined : control.value);
  const kept = new Kept("Another version of the price book", { document: written }, "Put it in force", async () => {
    const done = await kept.send("billing.apply-price-book.v1", { aggregate: "price-book", id: "default" }, { document: written.collect() });
    control.value = "";
    return [`Version ${done.version} is taken, in force from ${done.from} on: ${done.changes ? counted(done.changes, "price") : "no price"} changed.`];
  });
  return folded("Put another version in force", kept);
}
