// The kinds of rows: what people call them, and what each document comes to in a few words. Pure.

import { money } from "./money.js";
import { changeTitle, sourceOf } from "./steps.js";
import { standing } from "./voucher.js";
import { asSeen, counted, duration, instant } from "./words.js";

/** Each kind of row, with what many and one of it are called, in the order in which they are shown. */
export const KINDS = [
  ["organization", "Organizations", "Organization"],
  ["environment", "Environments", "Environment"],
  ["policy", "Policies", "Policy"],
  ["onboarding", "Onboardings", "Onboarding"],
  ["application", "Applications", "Application"],
  ["change", "Changes", "Change"],
  ["blueprint", "Blueprints", "Blueprint"],
  ["source", "Sources", "Source"],
  ["curation", "Curations", "Curation"],
  ["account", "Accounts", "Account"],
  ["price-book", "Price books", "Price book"],
  ["subscription", "Subscriptions", "Subscription"],
  ["usage", "Use", "Use"],
  ["invoice", "Invoices", "Invoice"],
  ["credit-note", "Credit notes", "Credit note"],
  ["voucher", "Vouchers", "Voucher"],
  ["redemption", "Redemptions", "Redemption"],
];

/** Returns what a row is called: some are kept under names that nobody gave them. */
export function called({ kind, name }, doc) {
  if (kind === "price-book") return doc?.book ?? name;
  if (kind === "voucher") return doc?.prefix ?? name;
  return name;
}

/** Returns how a whole is, and what of it if it is not well; nothing where nothing runs, which is neither well nor ill. */
function whole({ health }) {
  return health?.of ? asSeen(health.status === "healthy" ? health.status : `${health.status}: ${health.of}`, health.source) : null;
}

/** What a row's document comes to, in a few words, by kind. */
export const STATES = {
  organization: (doc) => [
    doc.suspended ? "suspended" : doc.phase,
    doc.display_name,
    whole(doc),
    doc.failure ? `${doc.failure.step}: ${doc.failure.reason}` : null,
  ],
  environment: (doc) => [
    doc.env_type,
    whole(doc),
    doc.placement,
    (doc.regions ?? []).map((region) => `${region.provider} ${region.region}`).join(", "),
    doc.policy ? `policy ${doc.policy}` : null,
  ],
  policy: (doc) => [
    doc.approvals?.length ? counted(doc.approvals.length, "approval rule") : "no approvals",
    doc.soak_minutes ? `soak ${duration(doc.soak_minutes * 60_000)}` : null,
    doc.windows?.length ? counted(doc.windows.length, "window") : null,
    doc.applications_max != null ? `at most ${counted(doc.applications_max, "Application")}` : null,
  ],
  onboarding: (doc) => {
    const done = doc.steps.filter((step) => step.status === "done").length;
    const now = doc.steps.find((step) => step.status === "running" || step.status === "failed");
    return [doc.status, `${done} of ${counted(doc.steps.length, "step")}`, now?.step, doc.reason];
  },
  application: (doc) => !doc.bindings.length ? ["runs nowhere"] : doc.bindings.map((one) => asSeen(`${one.environment} ${one.health.status}`, one.health.source)),
  change: (doc) => [asSeen(doc.status, sourceOf(doc)), changeTitle(doc), doc.status === "running" ? `${doc.percent} %` : null],
  account: (doc) => [doc.status, ...doc.balances.map((row) => money({ currency: row.currency, minor: row.available }))],
  blueprint: (doc) => [doc.status, doc.card.title, doc.newest],
  source: (doc) => [doc.status, counted(doc.versions, "version"), doc.bad ? `${doc.bad} cannot be taken` : null, doc.unregistered.length ? `${counted(doc.unregistered.length, "version")} refused` : null, doc.error?.message],
  curation: (doc) => [doc.hidden ? "hidden" : "shown", doc.featured ? "featured" : null, doc.pinned ? `pinned to ${doc.pinned}` : null, doc.category],
  "price-book": (doc) => [`version ${doc.latest.version}`, `from ${instant(doc.latest.start)}`],
  subscription: (doc) => [doc.status, `since ${doc.since}`, doc.until ? `until ${doc.until}` : null, doc.reason],
  usage: (doc) => [counted(doc.uses, "use"), doc.unmatched_count ? `${doc.unmatched_count} could not be counted` : null],
  invoice: (doc) => [doc.status, doc.number || "no number yet", ...doc.amounts.map(({ total }) => money(total))],
  "credit-note": (doc) => [doc.status, doc.number || "no number yet", money(doc.total), doc.reason],
  voucher: (doc) => [standing(doc), money(doc.amount), `${doc.redeemed} of ${doc.cap} redeemed`, doc.reason],
  redemption: (doc) => [doc.status, doc.amount ? money(doc.amount) : null, doc.code],
};
