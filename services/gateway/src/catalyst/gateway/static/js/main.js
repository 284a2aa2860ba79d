// The live page: who is signed in, and what is shown to them.

import { Refused, Unreachable, ask } from "./api.js";
import { Detail } from "./detail.js";
import { byId, say, tabs } from "./dom.js";
import { CommandForm } from "./form.js";
import { deletes, seesPlatform } from "./rights.js";
import { RowTable } from "./rows.js";
import { ended, forget, here, remember, remembered, whenForgotten } from "./signedin.js";
import { LiveStream } from "./stream.js";
import { Views } from "./views.js";
import { Waiting } from "./why.js";
import { actor, notTaken, place } from "./words.js";

const ASK_AGAIN_MS = 2000;

const showTab = tabs([byId("tab-row"), byId("tab-send")]);
let stream = null;
let who = null; // The session; null while nobody is signed in.
/** Returns what waits in an Organization now, or for the platform (null), as far as whoever is signed in sees it. */
const waiting = (organization) => new Waiting(stream?.rows ?? new Map(), organization, who !== null && seesPlatform(who));
const views = new Views({
  rows: () => stream?.rows ?? new Map(),
  ready: () => stream?.complete ?? false,
  make: (type, target) => {
    location.hash = "/rows";
    views.route(); // At once: what is not shown takes no focus.
    showTab(byId("tab-send"));
    form.open(type, target);
  },
  may: (type, organization) => form.may(type, organization),
  waiting,
  chosen: (organization) => table.lead(organization),
});

const table = new RowTable((key) => {
  location.hash = encodeURIComponent(key);
  showTab(byId("tab-row"));
  detail.show(key, stream?.rows.get(key));
  detail.focus();
}, () => form.member());
const form = new CommandForm({
  rows: () => stream?.rows ?? new Map(),
  follow: (command, organization) => {
    table.mark("");
    showTab(byId("tab-row"));
    detail.showChain(command, organization);
  },
  signedOut: (text) => leave(notTaken(text)),
});
const detail = new Detail({
  waiting,
  send: (target) => {
    showTab(byId("tab-send"));
    form.aim(target);
  },
  back: () => table.back(),
  deletes: (organization, whole) => who !== null && deletes(who, organization, stream?.rows ?? new Map(), whole),
  go: (kind, name, organization) => {
    location.hash = `/${[kind, organization, name].map(encodeURIComponent).join("/")}`;
  },
});

function state(found) {
  const box = byId("stream");
  // Read out when the word changes, not each second.
  if (box.dataset.state !== found.name) {
    box.dataset.state = found.name;
    say(byId("stream-said"), `The stream is ${found.text}.`);
  }
  say(byId("stream-state"), found.text);
  const reached = stream?.asOf ? `sequence ${stream.asOf}` : "";
  say(byId("stream-detail"), [found.detail, reached].filter(Boolean).join(" · "));
}

/** Learns what roles one has now, wherever the session is kept: with them the rows begin anew. */
async function refresh(session) {
  try {
    Object.assign(session, (await ask("GET", "/v1/session")).body);
    if (who === session) views.route();
  } catch (error) {
    // Whether the session ended, or the line is down, the stream tells.
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
  }
}

function opened(session) {
  const current = new LiveStream({
    changed: (keys) => {
      if (keys === null) refresh(session);
      table.show(current.rows, keys);
      views.changed(keys);
      if (table.chosen && (keys === null || keys.includes(table.chosen))) {
        detail.show(table.chosen, current.rows.get(table.chosen));
      }
    },
    gone: (key, told) => detail.gone(key, told),
    applied: (asOf) => form.applied(asOf),
    state,
    denied: (text) => leave(notTaken(text)),
  });
  return current;
}

function chosenByAddress() {
  let key;
  try {
    key = decodeURIComponent(location.hash.slice(1));
    if (key.split(".").length !== 5 || !place(key).name) return;
  } catch {
    return; // Written by hand, and no row's address.
  }
  // Whoever chose it in the table may be writing a command to it already.
  if (table.chosen !== key) showTab(byId("tab-row"));
  table.mark(key);
  detail.show(key, stream?.rows.get(key));
}

async function enter(session) {
  byId("door").hidden = true;
  byId("waiting").hidden = true;
  byId("who").hidden = false;
  byId("stream").hidden = false;
  say(byId("who-name"), session.email ?? actor(session.actor));
  byId("who-name").title = session.roles.join(", ") || "no platform role";
  byId("sign-out").title = `Signed in as ${byId("who-name").textContent}`;
  remember(session.expires);
  stream?.stop();
  who = session;
  stream = opened(session);
  chosenByAddress();
  views.begin(session);
  const running = stream.run();
  await form.begin(session);
  if (who === session) views.route();
  await running;
}

/** Forgets everything that was shown, and asks for a token. */
function leave(text = "") {
  stream?.stop();
  stream = who = null;
  forget();
  table.mark("");
  table.show(new Map(), null);
  detail.clear();
  form.end();
  views.end();
  for (const id of ["desk", "who", "stream"]) byId(id).hidden = true;
  byId("waiting").hidden = true;
  byId("door").hidden = false;
  byId("door-notice").hidden = !text;
  say(byId("door-notice"), text);
  byId("token").focus();
}

async function signIn(event) {
  event.preventDefault();
  const input = byId("token");
  const error = byId("token-error");
  error.textContent = "";
  input.removeAttribute("aria-invalid");
  const token = input.value.replace(/\s+/g, "");
  try {
    if (!token) throw new Error("Paste a token.");
    // A header takes ASCII only; a token is nothing else.
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Error("This is no token.");
    const { body } = await ask("POST", "/v1/session", { headers: { Authorization: `Bearer ${token}` } });
    input.value = "";
    byId("door-notice").hidden = true;
    await enter(body);
  } catch (problem) {
    if (byId("door").hidden) throw problem;
    error.textContent = notTaken(problem.message);
    input.setAttribute("aria-invalid", "true");
    input.focus();
  }
}

async function signOut() {
  views.end();
  try {
    await ask("DELETE", "/v1/session");
    ended();
    leave("You are signed out.");
  } catch (error) {
    leave(`The rows are put away, but the session could not be ended: ${error.message}`);
  }
}

/** Goes on with the session that the cookie holds, however long the server takes to answer. */
async function resume() {
  let session = null;
  while (!session) {
    if (!remembered()) return leave();
    try {
      session = (await ask("GET", "/v1/session")).body;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return leave(here() ? "Your session has ended. Sign in again." : "");
      byId("waiting").hidden = false;
      say(byId("waiting"), `The server does not answer as it should: ${error.message}. Trying again…`);
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
  }
  return enter(session);
}

const copy = byId("copy-command");
copy.hidden = !navigator.clipboard; // Of a page that came over plain HTTP from elsewhere a browser lets nothing be copied.
copy.addEventListener("click", async () => {
  const line = copy.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(line.textContent);
    say(copy, "Copied");
  } catch {
    getSelection().selectAllChildren(line); // It was not let: it can be copied by hand.
  }
});
byId("door-form").addEventListener("submit", signIn);
document.querySelector(".skip").addEventListener("click", (event) => {
  // The address says what is shown; to skip changes nothing about that.
  event.preventDefault();
  byId("main").focus();
});
byId("sign-out").addEventListener("click", signOut);
addEventListener("hashchange", chosenByAddress);
whenForgotten(() => {
  // Another window signed out: so did this one.
  if (stream) leave("You are signed out.");
});
setInterval(() => {
  detail.tick();
  views.tick();
}, 1000);
await resume();
