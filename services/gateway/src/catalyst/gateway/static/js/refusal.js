// Why something was refused, as an element: in words, with the code for programs small behind them.

import { Unreachable } from "./api.js";
import { coded, el } from "./dom.js";

/** Returns what is wrong with one field, in words. */
export function words({ message, rule }) {
  return message || rule;
}

/**
 * Returns why something cannot be read, as a sentence: with `what`, such as "The form cannot be read", as long as that
 * may pass; where a role is missing, with who has one.
 */
export function unreadable(what, error) {
  const { message, status } = error;
  if (lacking(error)) return `${message[0].toUpperCase()}${message.slice(1)}`;
  return `${what}${status === 404 ? "" : " now"}: ${message}`;
}

/** Returns whether it was refused for want of a role: who tries again is refused again. */
export function lacking({ status }) {
  return status === 403;
}

/**
 * Shows each error of a refusal at its field, and returns an element of what belongs to none, or ""
 * if nothing does. `fieldOf(error)` returns the field of an error and what it says there, as
 * `{field, text}`; without a field, `text` is said here, if there is any. The first field gets the cursor.
 */
export function placed(error, fieldOf) {
  let first = null;
  const left = [];
  for (const one of error.errors ?? []) {
    const { field, text } = fieldOf(one);
    if (field) field.mark(text);
    else if (text) left.push(text);
    first ??= field;
  }
  first?.focus();
  return refusal(error, left);
}

/** Returns what was refused, or ""; `left` is what no field says of its errors. */
export function refusal(error, left = (error.errors ?? []).map(words)) {
  if (error instanceof Unreachable) {
    return el("p", { text: `${error.message}. Try again: what was sent counts once.` });
  }
  const errors = error.errors ?? [];
  if (errors.length && !left.length) return "";
  const said = left.length ? [...new Set(left)] : [error.message];
  const code = error.code ? el("code", { text: error.code }) : null;
  if (said.length === 1) return el("p", {}, coded(said[0]), code ? " " : null, code);
  return el("div", {}, el("ul", {}, said.map((text) => el("li", {}, coded(text)))), code);
}
