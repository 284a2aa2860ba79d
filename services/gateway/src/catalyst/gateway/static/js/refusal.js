// Why something was refused, as an element.

import { Unreachable } from "./api.js";
import { el } from "./dom.js";

/** Returns what went wrong; `lines` are shown instead of the errors, if given. */
export function refusal(error, lines = null) {
  if (error instanceof Unreachable) {
    return el("p", { text: `${error.message}. Try again: what was sent counts once.` });
  }
  const shown = lines ?? (error.errors ?? []).map(({ message, rule }) => message || rule);
  // One field that is wrong says it all; its line leads there.
  const said = shown.length === 1 && typeof shown[0] !== "string" ? "" : error.message;
  const more = shown.filter((line) => typeof line !== "string" || line !== error.message);
  return el("div", {},
    el("p", {}, error.code ? el("strong", { text: `${error.code} ` }) : null, said),
    more.length ? el("ul", {}, more.map((line) => el("li", {}, line))) : null);
}
