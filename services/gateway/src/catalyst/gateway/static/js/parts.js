// The parts of a plan, as whoever plans and whoever approves reads them.

import { coded, el } from "./dom.js";
import { emblemOf } from "./icons.js";
import { less, money } from "./money.js";
import { meant } from "./paid.js";
import { stepName } from "./steps.js";
import { counted, duration } from "./words.js";

const ROLES = {
  target: "what was asked for",
  new: "comes with it",
  shared: "runs already and stays as it is",
  upgraded: "runs already and gets another version",
};

/** Returns the Applications that come with it or that it uses; `picture(locked)` is where the picture is of what is locked. */
export function needs(plan, picture) {
  return el("ul", { class: "needs" }, plan.dependencies.map((one) => el("li", {}, emblemOf(one.blueprint, picture(plan.lock.find(({ application }) => application === one.application))), el("div", {},
    el("p", {}, el("strong", { text: one.application }), ` ${one.blueprint} ${one.before ? `${one.before} → ` : ""}${one.version}`),
    el("p", { class: "quiet", text: `${ROLES[one.role] ?? one.role}${one.needed_by.length ? `, for ${one.needed_by.join(", ")}` : ""}` })))));
}

/**
 * Returns what it costs, or what it means for what is paid now (`subscriptions`); null if it is nothing for either.
 * What is not known any more of what was before and is left is not said.
 */
export function price(plan, subscriptions) {
  const { price: found } = plan;
  if (!found) {
    const told = meant(plan, subscriptions);
    return told.length ? el("div", { class: "part" }, el("h4", { text: "Price" }), told) : null;
  }
  const { quote, before, credit_after: after, covered } = found;
  const lines = [
    before ? ["A month for these now", money(before)] : null,
    ["A month for these after", money(quote.total)],
    ["Set aside now", `${money(quote.due)}${paid(quote)}`],
    after ? ["Credit after", `${money(after)}${covered ? "" : " (not enough)"}`] : null,
  ].filter(Boolean);
  return el("div", { class: "part" }, el("h4", { text: "Price" }),
    el("dl", { class: "price" }, lines.map(([name, text]) => el("div", {}, el("dt", { text: name }), el("dd", { text })))),
    el("ul", { class: "quiet" }, quote.lines.map((line) => el("li", {
      text: `${line.name} for ${line.application}: ${line.formula} = ${money(line.amount)}` }))));
}

/** Returns why less than a month is set aside; nothing if all of it is. */
export function paid({ total, due }) {
  if (due.minor >= total.minor) return "";
  return due.minor ? ` (${money(less(total, due))} of the month is paid already)` : " (this month is paid already)";
}

/** Returns lines under a title, each a text or its nodes; null if there are none. */
export function listed(title, lines, mood = "") {
  if (!lines.length) return null;
  return el("div", { class: `part ${mood}` }, el("h4", { text: title }), el("ul", {}, lines.map((line) => el("li", {}, Array.isArray(line) ? line : coded(line)))));
}

/** Returns under which public hosts what a plan writes will be reached; null: under none. */
export function hosts(plan) {
  const each = Object.entries(plan.desired ?? {});
  return listed("Public hosts", each.flatMap(([key, { hosts: names = [] }]) => names.map((name) => `${name}: ${key.replace(".", " in ")}`)));
}

/** Returns what stays; to an Application that nothing needs any more it leads, so that it can be taken away there. */
export function staying({ stays, idle = [] }, organization) {
  const left = idle.map(({ application: name, environment, charged, needed_by: users }) => {
    const needed = users.length ? `needed by ${users.join(", ")} alone` : "needed by nothing any more";
    const href = `#/${["application", organization, name, environment].map(encodeURIComponent).join("/")}`;
    return [`Application ${name}: ${needed}${charged ? ", charged each month" : ""}; ${users.length ? "once that is gone, " : ""}`,
      el("a", { href, text: `take ${name} away on its own page` })];
  });
  return listed("What stays", [...left, ...stays]);
}

/** Steps that take as long as the cluster does: nobody knows before how long that is. */
const CLUSTERS = new Set(["unprotect", "observe"]);

/** Returns how long steps usually take at most, in words. */
export function lasting(found) {
  const own = found.filter(({ step }) => !CLUSTERS.has(step));
  const parts = own.length ? [`usually up to ${duration(own.reduce((sum, one) => sum + one.usual_seconds, 0) * 1000)}`] : [];
  if (own.length < found.length) parts.push("as long as the cluster takes");
  return parts.join(", and ");
}

/** Returns the steps with how long each takes. */
export function steps({ steps: found, request }) {
  return el("div", { class: "part" }, el("h4", { text: "Steps" }),
    el("ol", { class: "plan-steps" }, found.map((one) => el("li", {},
      el("span", { text: stepName(one.step, request.action) }), el("span", { class: "quiet", text: ` ${lasting([one])}` })))));
}

/** Returns what each file gains and loses, line by line; `open` shows the list at once. */
export function files({ files: found }, open = false) {
  if (!found.length) return null;
  return el("details", { class: "part", open }, el("summary", { text: `${counted(found.length, "file")} in Git` }),
    found.map((one) => el("details", { class: "file" },
      el("summary", {}, el("code", { text: `${one.repository} ${one.branch}: ${one.path}` }), ` ${one.change}`),
      diff(one.diff), one.cut ? el("p", { class: "quiet", text: "It goes on; the rest is not shown." }) : null)));
}

const LINES = { "+": "added", "-": "removed", "@": "place" };

function diff(text) {
  const lines = text.split("\n").map((line) => el("span", { class: LINES[line[0]] ?? "", text: `${line}\n` }));
  return el("pre", { class: "diff", tabindex: "0" }, el("code", {}, lines));
}
