// An Organization's money: its account, what it is charged, and vouchers.

import { accountOf, ledgerOf } from "./account.js";
import { commandId } from "./api.js";
import { command, freshName, question } from "./asking.js";
import { Bills } from "./bills.js";
import { el, say } from "./dom.js";
import { Text } from "./fields.js";
import { factsOf } from "./gates.js";
import { icon, nothing } from "./icons.js";
import { money } from "./money.js";
import { placed, words } from "./refusal.js";
import { readsBills, redeemsVouchers } from "./rights.js";
import { counted, instant, place } from "./words.js";

export class Balance {
  #drawn = "";
  #sent = null;
  #redemption = "";
  #turn = 0;

  constructor(node, organization, tools) {
    Object.assign(this, { organization, rows: tools.rows, go: tools.go });
    this.account = el("div", { class: "page" });
    this.ledger = el("div", { class: "page" });
    this.bills = readsBills(tools.session, organization) ? new Bills(organization, tools) : null;
    this.code = new Text("voucher", { kind: "text", schema: {}, description: "As it was given to you, such as VCH-XXXX-XXXX-XXXX." }, true);
    this.code.control.addEventListener("input", () => this.#forget());
    this.worth = el("div", { class: "worth", role: "status" });
    this.take = el("button", { type: "button", class: "primary", text: `Redeem it for ${organization}`, hidden: true, on: { click: () => this.#redeem() } });
    this.problems = el("div", { class: "problems", role: "alert" });
    const form = el("form", { class: "card voucher", novalidate: true, "aria-label": "Voucher", on: {
      submit: (event) => {
        event.preventDefault();
        this.#look();
      },
    } }, el("h3", {}, icon("ticket"), "Redeem a voucher"), this.code.node, this.problems, this.worth,
    el("div", { class: "actions" }, el("button", { type: "submit", text: "What is it worth?" }), this.take));
    const redeems = redeemsVouchers(tools.session, organization);
    const about = tools.gone ? `The Organization ${organization} was deleted; its account stays.` : `The account of ${organization}`;
    const given = tools.gone ? null : redeems ? form : el("section", { class: "card voucher", "aria-label": "Voucher" }, el("h3", {}, icon("ticket"), "Vouchers"),
      el("p", { class: "quiet", text: "A voucher is redeemed by whoever administers the Organization." }));
    const others = this.bills ? null : el("p", { class: "quiet", text: "Invoices and use are shown to whoever administers the Organization." });
    node.replaceChildren(el("header", { class: "head" }, el("div", {}, el("h2", { text: "Balance" }),
      el("p", { class: "quiet", text: about }))),
    el("div", { class: "page" }, el("div", { class: "columns" },
      el("div", { class: "main" }, this.account, this.bills?.invoices, others), el("div", { class: "aside" }, given, this.bills?.use)), this.ledger));
    this.changed([]);
  }

  stop() {
    this.#turn += 1;
    this.bills?.stop();
  }

  tick() {}

  changed(keys) {
    this.bills?.changed(keys);
    const found = this.#row("account", this.organization);
    const text = JSON.stringify(found?.doc ?? null);
    if (text !== this.#drawn) {
      this.#drawn = text;
      const none = () => [el("div", { class: "card" }, nothing("wallet", "There is no account yet, or it is not yours to see."))];
      this.account.replaceChildren(...(found?.doc ? accountOf(found.doc, this.go) : none()));
      this.ledger.replaceChildren(...[found?.doc ? ledgerOf(found.doc, this.go) : null].filter(Boolean));
    }
    if (this.#redemption) this.#told(this.#row("redemption", this.#redemption)?.doc);
  }

  #row(kind, name) {
    for (const [key, value] of this.rows()) {
      const at = place(key);
      if (at.kind === kind && at.organization === this.organization && at.name === name) return value;
    }
    return null;
  }

  #forget() {
    this.#turn += 1;
    this.#redemption = "";
    this.take.hidden = true;
    this.code.clear();
    this.problems.replaceChildren();
    say(this.worth, "");
  }

  async #look() {
    this.#forget();
    this.code.control.value = this.code.control.value.trim();
    if (this.code.demand()) {
      this.code.focus();
      return;
    }
    const turn = this.#turn;
    say(this.worth, "Looking…");
    try {
      const found = await question("billing.preview-voucher", this.organization, { code: this.code.control.value.trim() });
      if (turn !== this.#turn) return;
      this.worth.replaceChildren(factsOf([
        ["You get", `${money(found.amount)} of credit`],
        ["Given to", `the account of the Organization ${this.organization}`],
        ["What for", found.description],
        ["Redeem it until", found.ends ? instant(found.ends) : "any time, it has no end"],
        ["The credit lasts", found.credit_days ? `${counted(found.credit_days, "day")} from when you redeem it` : "until it is spent"],
      ]), el("p", { class: "quiet", text: "Nothing is used up before you redeem it." }));
      this.take.hidden = false;
      this.take.focus();
    } catch (error) {
      if (turn === this.#turn) this.#refused(error);
    }
  }

  async #redeem() {
    const code = this.code.control.value.trim();
    if (this.#sent?.code !== code) this.#sent = { code, id: freshName("r"), command: commandId() };
    const { id, command: key } = this.#sent;
    this.take.disabled = true;
    try {
      await command("billing.redeem-voucher.v1", key, { organization: this.organization, aggregate: "redemption", id }, { code });
      this.#sent = null;
      this.#redemption = id;
      this.take.hidden = true;
      say(this.worth, "It is being redeemed…");
      this.changed(null);
    } catch (error) {
      if (error.status) this.#sent = null;
      this.#refused(error);
    } finally {
      this.take.disabled = false;
    }
  }

  #told(doc) {
    if (!doc) return;
    if (doc.status === "completed") say(this.worth, `Redeemed: ${doc.amount ? money(doc.amount) : "the credit"} was added to the account of ${this.organization}.`);
    else if (doc.status === "failed") this.#refused({ message: "It was not redeemed.", code: doc.code });
    if (["completed", "failed"].includes(doc.status)) this.#redemption = "";
  }

  #refused(error) {
    say(this.worth, "");
    this.code.clear();
    // What a voucher itself is refused for names no field: there is only one.
    const whole = error.status && error.code.startsWith("voucher-") && !error.errors.length;
    const told = whole ? { errors: [{ pointer: "/code", message: error.message }] } : error;
    // The service calls the field by a name of its own, which nobody sees here.
    const said = (one) => words(one).replace(/^code: /, "");
    this.problems.replaceChildren(placed(told, (one) => ({ field: one.pointer?.endsWith("/code") ? this.code : null, text: said(one) })));
    this.code.focus();
  }
}
