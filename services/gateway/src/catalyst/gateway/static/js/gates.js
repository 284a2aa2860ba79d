// What has to come before a change begins: one fact a line, so that each can be read alone.

import { el } from "./dom.js";
import { counted, instant, together } from "./words.js";

const ANYONE = "anyone but the author";

/** Returns who a team of an EnvironmentPolicy is, in words. */
const whom = (team, author) => team || (author === "you" ? "anyone but you" : ANYONE);

/**
 * Returns the lines about approvals as `[name, text]`: who has to give how many, who may not, how many there are, and
 * which are missing still, where that is not all of them.
 * `asked` are all that are asked for, `missing` those that are missing still; `author` is what whoever asks for the
 * change is called, `approved` who approved it, and `officers` are teams for which too few in the Organization can;
 * of what is `over`, nobody will any more.
 */
export function approvalLines({ asked, missing = asked, author, approved = [], officers = [], impossible = [], over = false }) {
  if (!asked.length) return [];
  const names = approved.map(({ email, by }) => email || by);
  const given = names.length ? `by ${together(names)}` : over ? "nobody" : "nobody yet";
  const lines = [];
  for (const { team, quorum } of asked) {
    lines.push(["Must approve", `${counted(quorum, "approval")} of ${whom(team, author)}`]);
    if (officers.includes(team)) lines.push(["Who can", "Others who may, and security-officers: without those too few can give it"]);
    if (impossible.includes(team)) lines.push(["Who can", "Nobody: too few others can approve for it"]);
  }
  lines.push(["May not", author === "you" ? "You: it is your own change" : `${author}: it is their own change`]);
  lines.push(["Approved", given]);
  if (names.length) lines.push(missingLine(missing, author));
  return lines;
}

/** Returns the line about the approvals that are missing. */
export function missingLine(missing, author) {
  const left = missing.map(({ team, quorum }) => `${counted(quorum, "approval")} of ${whom(team, author)}`);
  return ["Missing", left.length ? left.join(", ") : "none"];
}

/** Returns lines of `[name, text]` as a list of facts. */
export function factsOf(lines) {
  return el("dl", { class: "facts" }, lines.filter(([, text]) => text).map(([name, text]) => el("div", {}, el("dt", { text: name }), el("dd", { text }))));
}

/**
 * Returns what has to come before a plan is carried out, under a title, or `none` in words; `author` is what whoever
 * asks for it is called, `missing` are the approvals that are missing still, and `approved` says who gave theirs.
 */
export function gates({ gates: found, quota, blocked_by: blocked }, { title = "What it waits for", none = "Nothing: it begins at once.", author = "you", missing, approved, over } = {}) {
  const { opening, impossible, officers } = found;
  const lines = approvalLines({ asked: found.approvals, missing, author, approved, officers, impossible, over });
  if (!opening.open) lines.push(["Change window", opening.next ? `Changes may happen again ${instant(opening.next)}` : "No time is known when changes may happen"]);
  if (opening.problem) lines.push(["Change window", opening.problem]);
  const until = opening.closes ? [["Change window", `Changes may happen until ${instant(opening.closes)}`]] : [];
  return el("div", { class: "part" }, el("h4", { text: title }),
    lines.length ? null : el("p", { text: blocked.length ? "Nothing more than what stands in its way." : none }),
    lines.length || until.length ? factsOf([...lines, ...until]) : null,
    room(quota));
}

/** Returns how many Applications there may be, and are; null where nothing counts them. */
function room(quota) {
  if (quota.applications_after === undefined) return null;
  const limits = quota.applications_limit === undefined ? [] : [
    ["At most", quota.applications_limit], ["Used", quota.applications_used], ["Held", quota.applications_held]];
  const lines = [["Now", quota.applications], ["Afterwards", quota.applications_after], ...limits];
  return el("div", { class: "part" }, el("h4", { text: "Applications in the Environment" }), factsOf(lines.map(([name, number]) => [name, String(number)])));
}
