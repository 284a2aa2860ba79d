// Whether to ask for the session at all: no script sees the cookie that holds it. Never the token.

const NAME = "catalyst-signed-in";

/** Remembers that somebody signed in, as long as the session lasts: at this address, and at each port of this host, as the session does. */
export function remember(expires) {
  localStorage.setItem(NAME, "yes");
  set("yes", new Date(expires));
}

/** Forgets it. A session that was begun at another port is left alone. */
export function forget() {
  if (!here()) return;
  localStorage.removeItem(NAME);
  set("", new Date(0));
}

/** Returns whether somebody signed in at this very address. */
export function here() {
  return localStorage.getItem(NAME) !== null;
}

/** Returns whether somebody signed in at this host. */
export function remembered() {
  return here() || document.cookie.split("; ").includes(`${NAME}=yes`);
}

/** Calls back once another window of this address forgot. */
export function whenForgotten(then) {
  addEventListener("storage", (event) => {
    if (event.key === NAME && event.newValue === null) then();
  });
}

function set(value, expires) {
  const safe = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${NAME}=${value}; Path=/; SameSite=Strict; Expires=${expires.toUTCString()}${safe}`;
}
