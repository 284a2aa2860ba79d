// Whether to ask for the session at all: no script sees the cookie that holds it. Never the token.
// What stands for the session is when it ends, for this address and, as a cookie, for each port of
// this host, where its own cookie holds as well.

const NAME = "catalyst-signed-in";
const NOT_HERE = "catalyst-not-signed-in";
const LOOK_MS = 1000;
let watched = false; // Whether the cookie was taken, so that it means something if it is gone.

/** Remembers that somebody signed in, as long as the session lasts: at this address, and at each port of this host, as the session does. */
export function remember(expires) {
  localStorage.setItem(NAME, expires);
  set(expires, new Date(expires));
  watched = told() === expires;
}

/** Forgets it. What is told of a session that is not this one is left alone, and not asked for again here. */
export function forget() {
  const [ours, found] = [localStorage.getItem(NAME), told()];
  localStorage.removeItem(NAME);
  if (found === null) return;
  if (found === ours) ended();
  else localStorage.setItem(NOT_HERE, found);
}

/** Tells each port of this host that there is no session any more. */
export function ended() {
  set("", new Date(0));
}

/** Returns whether somebody signed in at this very address. */
export function here() {
  return localStorage.getItem(NAME) !== null;
}

/** Returns whether somebody signed in at this host, in a session that was not refused here. */
export function remembered() {
  const found = told();
  return here() || (found !== null && found !== localStorage.getItem(NOT_HERE));
}

/** Calls back once another window forgot, of this address or, before the session's time is over, of another port. */
export function whenForgotten(then) {
  addEventListener("storage", (event) => {
    if (event.key === NAME && event.newValue === null) then();
  });
  setInterval(() => {
    const ours = localStorage.getItem(NAME);
    if (watched && ours !== null && told() === null && Date.now() < ends(ours)) then();
  }, LOOK_MS);
}

/** Returns when the cookie ends by itself: it is kept by whole seconds, unlike the session. */
function ends(expires) {
  return Math.floor(Date.parse(expires) / 1000) * 1000;
}

function told() {
  const found = document.cookie.split("; ").find((one) => one.startsWith(`${NAME}=`));
  return found === undefined ? null : found.slice(NAME.length + 1);
}

function set(value, expires) {
  const safe = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${NAME}=${value}; Path=/; SameSite=Strict; Expires=${expires.toUTCString()}${safe}`;
}
