// Money in minor units, or in millionths, as text. Pure.

const MICRO_DIGITS = 6;

/** Returns `{currency, minor}` with all digits of its currency: `1.500 OMR`. */
export function money({ currency, minor }) {
  const digits = places(currency);
  const text = String(Math.abs(minor)).padStart(digits + 1, "0");
  const whole = text.slice(0, text.length - digits);
  const rest = digits ? `.${text.slice(-digits)}` : "";
  return `${minor < 0 ? "-" : ""}${whole}${rest} ${currency}`;
}

/** Returns the amount that a person wrote, such as `1.500 OMR`; null if it is none, or finer than its currency. */
export function amount(text) {
  const found = /^\s*([0-9]{1,12})(?:\.([0-9]+))?\s*([A-Z]{3})\s*$/.exec(text ?? "");
  if (!found) return null;
  const [, whole, rest = "", currency] = found;
  const digits = places(currency);
  const minor = Number(whole + rest.padEnd(digits, "0"));
  return rest.length > digits || !Number.isSafeInteger(minor) ? null : { currency, minor };
}

/** Digits of each currency that was met: to ask for them makes a formatter each time. */
const PLACES = new Map();

function places(currency) {
  if (!PLACES.has(currency)) PLACES.set(currency, asked(currency));
  return PLACES.get(currency);
}

function asked(currency) {
  try {
    const style = { style: "currency", currency };
    return new Intl.NumberFormat("en", style).resolvedOptions().maximumFractionDigits;
  } catch {
    return 2; // No currency that a browser knows.
  }
}

/** Returns one amount less another of the same currency. */
export function less(one, other) {
  return { currency: one.currency, minor: one.minor - other.minor };
}

/** Returns `{currency, micro}`, millionths, with the digits of its currency and those below that are not 0. */
export function fine({ currency, micro }) {
  const text = String(Math.abs(micro)).padStart(MICRO_DIGITS + 1, "0");
  const whole = text.slice(0, -MICRO_DIGITS);
  let rest = text.slice(-MICRO_DIGITS);
  while (rest.length > places(currency) && rest.endsWith("0")) rest = rest.slice(0, -1);
  return `${micro < 0 ? "-" : ""}${whole}${rest ? `.${rest}` : ""} ${currency}`;
}
