// How a voucher stands. Pure.

/** Returns how a voucher stands now, as `voucher_v1.standing` does: what was done with it, else what the clock says. */
export function standing({ status, starts, ends, redeemed, cap }, now = Date.now()) {
  if (status === "revoked") return "revoked";
  if (redeemed >= cap) return "used up";
  if (ends && Date.parse(ends) <= now) return "over";
  return starts && Date.parse(starts) > now ? "not begun" : "issued";
}

/** Returns whether there is anything left to revoke: nobody redeems one that is used up or over, revoked or not. */
export function canBeRevoked(doc) {
  return ["issued", "not begun"].includes(standing(doc));
}
