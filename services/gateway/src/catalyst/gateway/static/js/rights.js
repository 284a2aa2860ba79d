// Who is shown what, where a view would ask for it in vain. The server decides; this only spares asking.

/** The commands that a view leads to where there is nothing to show yet. */
export const ENVIRONMENT = "environment.create-environment.v1";
export const ORGANIZATION = "environment.create-organization.v1";

/** Who reads invoices, credit notes and use: with a role of the platform, or of the Organization itself. */
const BILLS = { everywhere: ["billing-admin"], own: ["org-admin"] };

/** Who tries again what was set aside, or gives it up. */
const MENDS = ["sovereign-admin"];

/** Returns whether a session may say what becomes of what was set aside. */
export function mends(session) {
  return MENDS.some((role) => session.roles.includes(role));
}

/** Who audits the changes of every Organization, and may approve them. */
const OFFICERS = ["security-officer"];

/** Returns whether a session is shown the changes of every Organization. */
export function audits(session) {
  return OFFICERS.some((role) => session.roles.includes(role));
}

/** Who plans changes in their own Organization, is shown what they do, line by line, and approves them: by role, and by what its row calls them. */
const BUILDERS = { roles: ["org-admin", "org-developer"], listed: ["owner", "admin", "developer"] };

/** Returns whether a session plans the changes of an Organization, is shown their plans, and may approve them. */
export function builds(session, organization, rows) {
  const doc = rows.get(`${organization}._.organization._.${organization}`)?.doc;
  // The row comes before the session tells it.
  if (doc?.owners) return entries(session, doc).some(({ role }) => BUILDERS.listed.includes(role));
  return (session.organizations[organization] ?? []).some((role) => BUILDERS.roles.includes(role));
}

/**
 * Returns how who is signed in stands to a change that waits for approvals: `decides` it; it is theirs (`author`),
 * so that somebody else has to; they `approved` it already; or "" for whoever has no say in it.
 */
export function standing(session, organization, rows, doc) {
  const mine = own(session);
  const same = (email) => mine !== "" && (email ?? "").toLowerCase() === mine;
  if (doc.author === session.actor || same(doc.author_email)) return "author";
  if (!audits(session) && !builds(session, organization, rows)) return "";
  const roles = rolesIn(session, organization, rows);
  const teams = doc.approvals.map(({ team }) => team).filter((team) => isMember(team, roles, mine));
  if (!teams.length) return "";
  const given = doc.approved.filter(({ by, email }) => by === session.actor || same(email));
  return given.length && teams.every((team) => given.some((one) => one.teams.includes(team))) ? "approved" : "decides";
}

/** What an entry in an Organization's list of owners means. */
const LISTED = { owner: "org-admin", admin: "org-admin", developer: "org-developer", viewer: "org-viewer" };

/** Returns whether a team of an EnvironmentPolicy has somebody with these roles and this address. */
function isMember(team, roles, email) {
  if (!team) return true;
  if (roles.includes(team) || roles.includes(LISTED[team])) return true;
  return email !== "" && team.toLowerCase().split(/[\s,;]+/).includes(email);
}

function rolesIn(session, organization, rows) {
  const doc = rows.get(`${organization}._.organization._.${organization}`)?.doc;
  const there = doc?.owners ? entries(session, doc).map(({ role }) => LISTED[role]) : session.organizations[organization] ?? [];
  return [...session.roles, ...there];
}

/** Returns whether a session may stop a change of an Organization. */
export function cancels(session, organization, rows) {
  return builds(session, organization, rows) || session.roles.includes("sovereign-admin");
}

/**
 * Returns whether a session may plan a deletion: of an Environment whoever owns or administers the
 * Organization, of the Organization itself (`whole`) only who runs the platform.
 */
export function deletes(session, organization, rows, whole) {
  const roles = rolesIn(session, organization, rows);
  return roles.includes("sovereign-admin") || (!whole && roles.includes("org-admin"));
}

/** Returns whether an Organization's row gives a session a role: by its e-mail address, if that is verified. */
export function listed(session, doc) {
  return entries(session, doc).length > 0;
}

function entries(session, { owners = [] }) {
  return owners.filter(({ email }) => email.toLowerCase() === own(session));
}

/** Returns the verified e-mail address of who is signed in; empty if there is none. */
function own({ email, email_verified: verified }) {
  return verified ? (email ?? "").toLowerCase() : "";
}

/** Who issues vouchers and revokes them, and who puts prices in force. */
const KEEPERS = { vouchers: "sovereign-admin", prices: "billing-admin" };

/** Returns whether a session keeps `vouchers` or `prices`. */
export function keeps(session, what) {
  return session.roles.includes(KEEPERS[what]);
}

/** Who redeems a voucher. */
const VOUCHERS = ["org-admin"];

/** Returns whether a session is shown what the platform keeps, such as its sources: with any role of it. */
export function seesPlatform(session) {
  return session.roles.length > 0;
}

/** Returns whether a session redeems vouchers for an Organization. */
export function redeemsVouchers(session, organization) {
  return (session.organizations[organization] ?? []).some((role) => VOUCHERS.includes(role));
}

/** Returns whether a session reads what an Organization was charged, and what it used. */
export function readsBills(session, organization) {
  const own = session.organizations[organization] ?? [];
  return BILLS.everywhere.some((role) => session.roles.includes(role)) || BILLS.own.some((role) => own.includes(role));
}
