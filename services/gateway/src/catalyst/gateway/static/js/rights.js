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

/** Who is shown the plan of a change in their own Organization: whoever may approve there. */
const APPROVERS = ["org-admin", "org-developer"];

/** Returns whether a session is shown what the changes of an Organization do, line by line. */
export function seesPlans(session, organization) {
  return (session.organizations[organization] ?? []).some((role) => APPROVERS.includes(role));
}

/** Returns whether an Organization's row gives a session a role: by its e-mail address, if that is verified. */
export function listed(session, { owners }) {
  const own = session.email_verified ? (session.email ?? "").toLowerCase() : "";
  return owners.some(({ email }) => email.toLowerCase() === own);
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
