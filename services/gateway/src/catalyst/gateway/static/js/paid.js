// What a plan that buys nothing means for what is paid already: it ends with what goes, or stays as it is.

import { el } from "./dom.js";
import { money } from "./money.js";
import { takesAway } from "./steps.js";
import { place } from "./words.js";

/** Returns the subscriptions of an Organization that are paid now, as far as they are shown. */
export function paidBy(rows, organization) {
  const found = [];
  for (const [key, { doc }] of rows) {
    const at = place(key);
    if (at.kind === "subscription" && at.organization === organization && doc?.status === "active") found.push(doc);
  }
  return found;
}

/** Returns what it means, as a list of nodes; `subscriptions` are those that are paid now. */
export function meant(plan, subscriptions) {
  const { request, environment, lock } = plan;
  if (takesAway(request.action)) return ending(subscriptions.filter((one) => plan.sold.includes(`${one.application}.${one.environment}`)));
  const staying = subscriptions.filter((one) => one.application === request.application && one.environment === environment);
  const paid = sum(staying);
  if (!lock.length) return [];
  return [el("p", { text: paid ? `Unchanged, ${paid} a month.` : "Nothing is bought." })];
}

/** Returns what each costs a month, what it saves that they end, and what stays charged. */
function ending(found) {
  if (!found.length) return [];
  const total = sum(found);
  const month = new Date().toISOString().slice(0, 7);
  return [
    el("p", {}, "It saves ", el("strong", { text: `${total} a month` }), ", after the month in which it goes."),
    el("p", { text: `${month} is charged whole, ${total} or the dearest that it had: nothing is given back.` }),
    el("ul", { class: "quiet" }, found.flatMap(({ application, lines }) => lines.map((line) => el("li", {
      text: `${line.name} for ${application}: ${line.formula} = ${money(line.amount)}` })))),
  ];
}

/** Returns what subscriptions cost a month, once for each currency; empty if that is nothing. */
function sum(subscriptions) {
  const sums = new Map();
  for (const { amount } of subscriptions.flatMap(({ lines }) => lines)) {
    sums.set(amount.currency, (sums.get(amount.currency) ?? 0) + amount.minor);
  }
  return [...sums].filter(([, minor]) => minor).sort().map(([currency, minor]) => money({ currency, minor })).join(" and ");
}
