// A way out that a reason names, to be taken by pressing a button: a copy of one's own of what is needed.

import { el } from "./dom.js";

/** How a reason, or the end of one, names it to whoever types. */
const WAY = /(?:^|; )a copy of its own is another way: `?(?:--dep )?([a-z]\w*)=new`?$/;

/** Returns what a reason would give a copy of its own; empty if it names no such way out. */
export function wayOut(reason) {
  return WAY.exec(reason)?.[1] ?? "";
}

/** Returns buttons that plan with a copy of its own, as a list of nodes; `take(dependencies)` is called with what stands for an alias then. */
export function otherWays(reasons, take) {
  const aliases = [...new Set(reasons.map(wayOut).filter(Boolean))];
  if (!aliases.length) return [];
  return [
    el("p", { text: "A copy of its own is another way. It is planned first: you see what comes with it, and what that costs." }),
    el("div", { class: "actions" }, aliases.map((alias) =>
      el("button", { type: "button", text: `Plan it with a ${alias} of its own`, on: { click: () => take({ [alias]: "new" }) } }))),
  ];
}
