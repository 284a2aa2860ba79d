// A way out that a reason names, to be taken by pressing a button: a copy of one's own of what is needed.

import { el } from "./dom.js";

/** Returns buttons that plan with a copy of its own where a reason has one (`own_copy`), as a list of nodes; `take(dependencies)` is called with what stands for an alias then. */
export function otherWays(reasons, take) {
  const aliases = [...new Set(reasons.map(({ own_copy: alias }) => alias).filter(Boolean))];
  if (!aliases.length) return [];
  return [
    el("p", { text: "A copy of its own is another way. It is planned first: you see what comes with it, and what that costs." }),
    el("div", { class: "actions" }, aliases.map((alias) =>
      el("button", { type: "button", text: `Plan it with a ${alias} of its own`, on: { click: () => take({ [alias]: "new" }) } }))),
  ];
}
