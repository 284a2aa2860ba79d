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

/** Who may approve a change without being shown any. */
const OFFICERS = ["security-officer"];

/** Returns whether a session may approve what it is not shown. */
export function approvesUnseen(session) {
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

/** Returns whether a session may stop a change of an Organization. */
export function cancels(session, organization, rows) {
  return builds(session, organization, rows) || session.roles.includes("sovereign-admin");
}

/** Returns whether an Organization's row gives a session a role: by its e-mail address, if that is verified. */
export function listed(session, doc) {
  return entries(session, doc).length > 0;
}

function entries(session, { owners = [] }) {
  const own = session.email_verified ? (session.email ?? "").toLowerCase() : "";
  return owners.filter(({ email }) => email.toLowerCase() === own);
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
