// What stands on an Organization's account: balances, credit, what is set aside, and the ledger.

import { el } from "./dom.js";
import { nothing } from "./icons.js";
import { money } from "./money.js";
import { instant, label } from "./words.js";

/** Entries of the ledger that are seen at once. */
const ENTRIES = 8;
const KINDS = {
  "credit-granted": "Credit came in",
  "payment-recorded": "A payment came in",
  "credit-held": "Credit was set aside",
  "hold-captured": "What was set aside was taken",
  "hold-released": "What was set aside went back",
  "grant-expired": "Credit expired",
  "month-closed": "A month was closed",
  "invoice-reversed": "An invoice was given back",
};
const ACCOUNTS = { held: "Set aside", receivable: "Owed", breakage: "Expired", clearing: "From outside", revenue: "Taken" };
/** Entries that are named by a change. */
const OF_CHANGE = ["credit-held", "hold-captured", "hold-released"];

/** Returns an account as elements; `go` leads to what is named in it. */
export function accountOf(doc, go) {
  const balances = doc.balances.map(balance);
  const grants = doc.grants.map((one) => el("li", {},
    el("strong", { text: `${money({ currency: one.amount.currency, minor: one.left })} of ${money(one.amount)}` }),
    el("span", { class: "quiet", text: [one.reason.startsWith(one.source) ? "" : one.source, one.reason, one.expires ? `until ${instant(one.expires)}` : ""].filter(Boolean).join(" · ") })));
  const holds = doc.holds.map((one) => el("li", {}, el("strong", { text: money(one.amount) }),
    el("span", { class: "quiet" }, "for ", toChange(one.hold, go), `, until ${instant(one.expires)}`)));
  return [
    doc.status === "open" ? null : el("p", { class: "notice", text: "The account is closed: its credit pays for what is still invoiced, and nothing else." }),
    balances.length ? el("div", { class: "balances" }, balances) : el("div", { class: "card" }, nothing("wallet", "Nothing was ever paid in. Redeem a voucher to begin.")),
    ...(doc.spend_limits ?? []).map((limit) => el("p", { text: `At most ${money(limit)} may be spent a month.` })),
    listed("Where the credit comes from", grants),
    listed("Set aside", holds),
  ].filter(Boolean);
}

/** Returns the latest entries of an account's ledger as an element; null if there are none. */
export function ledgerOf(doc, go) {
  const entries = doc.ledger.map((one) => entry(one, go));
  if (!entries.length) return null;
  const rest = entries.splice(ENTRIES);
  return el("section", { class: "card ledger", "aria-label": "Ledger" },
    el("div", {}, el("h3", { text: "Ledger" }), el("p", { class: "quiet", text: "The latest entries; the amounts of each add up to zero." })),
    el("ul", { class: "lines" }, entries),
    rest.length ? el("details", {}, el("summary", { text: `${rest.length} earlier` }), el("ul", { class: "lines" }, rest)) : null);
}

function balance(row) {
  const at = (minor) => money({ currency: row.currency, minor });
  const parts = [["Credit", row.credit], ["Set aside", row.held], ["Owed", row.owed]];
  return el("section", { class: "card balance", "aria-label": row.currency },
    el("p", { class: "quiet", text: "Can be spent" }),
    el("p", { class: "amount", text: at(row.available) }),
    el("dl", { class: "price" }, parts.map(([name, minor]) => el("div", {}, el("dt", { text: name }), el("dd", { text: at(minor) })))),
    el("p", { class: "quiet", text: beyond(row, at) }));
}

/** Returns how far orders may go beyond the credit, as a sentence. */
function beyond({ credit_limit: most, owed }, at) {
  if (!most) return "Orders are paid out of the credit; none may go beyond it.";
  const left = owed > 0 ? `; ${at(Math.max(0, most - owed))} of that is left` : "";
  return `Orders may go up to ${at(most)} beyond the credit, and are paid with their invoice${left}.`;
}

function entry({ time, kind, entry: id, about, postings }, go) {
  return el("li", {},
    el("div", {}, el("strong", { text: Object.hasOwn(KINDS, kind) ? KINDS[kind] : label(kind) }),
      el("p", { class: "quiet" }, `${instant(time)} · `, OF_CHANGE.includes(kind) ? toChange(id, go) : about || id)),
    el("ul", { class: "postings" }, postings.map(({ account, amount }) => el("li", {},
      el("span", { class: "quiet", text: `${Object.hasOwn(ACCOUNTS, account) ? ACCOUNTS[account] : label(account)} ` }), money(amount)))));
}

function toChange(name, go) {
  return el("button", { type: "button", class: "link", text: name, on: { click: () => go("change", name) } });
}

function listed(title, lines) {
  return lines.length ? el("section", { class: "card", "aria-label": title }, el("h3", { text: title }), el("ul", { class: "lines" }, lines)) : null;
}
