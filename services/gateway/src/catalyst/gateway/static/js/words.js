// Words for people: names, ages, reasons. Pure.

/** Field names of the wire that read badly, and what a form calls them. */
const LABELS = {
  env_type: "Environment type",
  client_id: "App id at the provider",
  client_secret_ref: "Where the app's secret is kept",
  tenant_id: "Directory id",
  jwks_url: "Key set URL",
  token_url: "Token URL",
  authorization_url: "Authorization URL",
  src: "Their claim",
  dest: "Our claim",
};
const RESERVED = { organization: "Organization", environment: "Environment", application: "Application", blueprint: "Blueprint", url: "URL", git: "Git" };

/** Returns the label of a field: `display_name` → `Display name`. */
export function label(name) {
  if (Object.hasOwn(LABELS, name)) return LABELS[name];
  const words = name.split(/[_-]/).filter(Boolean);
  const said = words.map((word, place) => {
    if (Object.hasOwn(RESERVED, word)) return RESERVED[word];
    return place === 0 ? word.charAt(0).toUpperCase() + word.slice(1) : word;
  });
  return said.join(" ") || name;
}

/** Commands whose name says not to what it is done. */
const OF_ONE_WORD = { drop: "Drop a message set aside", retry: "Retry a message set aside" };

/** Returns what a message type is called: `environment.create-organization.v1` → `Create …`. */
export function commandName(type) {
  const parts = type.split(".");
  const version = parts.at(-1) === "v1" ? "" : ` (${parts.at(-1)})`;
  const name = parts.at(-2) ?? type;
  return (Object.hasOwn(OF_ONE_WORD, name) ? OF_ONE_WORD[name] : label(name)) + version;
}

/** Returns a number with its noun. */
export function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Returns how much of a meter was used, in words: `2,500 ai-tokens`. */
export function measured({ quantity, meter }) {
  return `${quantity.toLocaleString()} ${meter}`;
}

const UNITS = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
];

/** Returns a duration in its largest whole unit; what lies ahead counts as now. */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [size, unit] = UNITS.find(([length]) => seconds >= length) ?? UNITS.at(-1);
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** Returns the time since an instant of the wire. */
export function age(time, now) {
  const then = Date.parse(time);
  return Number.isNaN(then) ? "?" : duration(now - then);
}

/** Returns an instant as people here write it. */
export function instant(time) {
  return written(time, "medium", "medium");
}

/** Returns the same to the second, with the day of the week and the zone: what an age is short for. */
export function exact(time) {
  return written(time, "full", "long");
}

/** To make one takes a hundred times as long as to use it, and each row shows an instant. */
const FORMATS = new Map();

function written(time, dateStyle, timeStyle) {
  const then = new Date(time);
  if (Number.isNaN(then.getTime())) return String(time);
  if (!FORMATS.has(dateStyle)) FORMATS.set(dateStyle, new Intl.DateTimeFormat(undefined, { dateStyle, timeStyle }));
  return FORMATS.get(dateStyle).format(then);
}

/** Returns where a subscription belongs: `wiki.acme-prod` → `wiki in acme-prod`. */
export function subscribed(name) {
  const [application, ...environment] = name.split(".");
  return environment.length ? `${application} in ${environment.join(".")}` : name;
}

/** Returns several words as part of a sentence. */
export function together(words) {
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words.join("");
}

/** Returns several words of which one is enough, as part of a sentence. */
export function either(words) {
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} or ${words.at(-1)}` : words.join("");
}

/** Returns who acted, without what stands for the kind of identity. */
export function actor(text) {
  const [kind, rest] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
  if (kind === "user") return rest.slice(rest.lastIndexOf("#") + 1);
  if (kind === "service") return `service ${rest}`;
  return text;
}

/** Returns what is told of something that was seen, so that a reader knows if it was not real. */
export function asSeen(text, source) {
  return source === "simulator" ? `${text} (simulated)` : text;
}

const RESETS = {
  start: "loading all rows",
  "epoch-changed": "the read model was built anew",
  "scope-changed": "what you may see is another part",
  "access-changed": "your roles changed",
  "too-old": "away for too long to catch up row by row",
  "unknown-cursor": "where we were is not known any more",
};

/** Returns why the stream began anew. */
export function resetReason(reason) {
  return Object.hasOwn(RESETS, reason) ? RESETS[reason] : reason;
}

const STALE = {
  "unknown-event": "an event is unknown to this version",
  "unreadable-event": "an event cannot be read",
  "unfoldable-event": "an event cannot be applied",
};

/** Returns why a row does not move. */
export function staleReason(stale) {
  const reason = Object.hasOwn(STALE, stale.code) ? STALE[stale.code] : stale.code;
  return `${reason}, ${stale.count} waiting`;
}

/** Returns the text of one token of a key. */
function unescape(token) {
  if (token === "=") return "";
  if (/^[\w-]+$/.test(token)) return token; // Almost all of them.
  return decodeURIComponent(token.replaceAll("=", "%"));
}

/** Returns the place that a row's key names; absent parts are null. */
export function place(key) {
  const tokens = key.split(".");
  const [organization, environment, kind, namespace, name] = tokens.map((token) =>
    token === "_" ? null : unescape(token),
  );
  return { organization, environment, kind, namespace, name };
}

const ELSEWHERE = "This token was signed somewhere else, such as by another stack, or long ago. Make a new one with the command that `up` printed when this one began.";
const NOT_TAKEN = {
  "a token is needed here and there is none": "Your session has ended. Sign in again.",
  "the token is not accepted: it is no token": "This is no token. Paste the whole line that begins with ey, and nothing else.",
  "the token is not accepted: it has expired": "This token has expired. Make a new one.",
  "the token is not accepted: it is not as it was signed": "This token is not as it was signed. Paste the whole line that begins with ey.",
  "the token is not accepted: whoever signed it is not trusted here": ELSEWHERE,
  "the token is not accepted: the key that signed it is not used here": ELSEWHERE,
};

/** Returns why whoever asks is not known, with what to do about it. */
export function notTaken(message) {
  return Object.hasOwn(NOT_TAKEN, message) ? NOT_TAKEN[message] : message;
}
