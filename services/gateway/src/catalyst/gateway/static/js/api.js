// The public API over HTTP. The session's cookie goes along by itself; no script ever sees it.

/** What the API refused; `errors` name fields by JSON pointers. */
export class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail || problem.title || `the answer was ${status}`);
    this.status = status;
    this.code = problem.code ?? "";
    this.errors = problem.errors ?? [];
    this.retryAfter = retryAfter;
  }
}

/** No answer came: whether the request arrived is not known. */
export class Unreachable extends Error {}

/** Returns an address with the parameters that are not empty. */
export function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== "");
  const text = new URLSearchParams(given).toString();
  return text ? `${path}?${text}` : path;
}

/**
 * Asks, and returns `{status, body}`; `raw` is the text of a JSON body.
 * Throws `Refused` or `Unreachable`; an aborted request throws what `fetch` throws.
 */
export async function ask(method, path, { query, raw, headers, signal } = {}) {
  const options = { method, headers: { Accept: "application/json", ...headers }, signal };
  options.cache = method === "GET" ? "no-cache" : "no-store";
  if (raw !== undefined) {
    options.body = raw;
    options.headers["Content-Type"] = "application/json";
  }
  const answer = await reach(address(path, query), options);
  const found = await content(answer);
  if (answer.ok) return { status: answer.status, body: found };
  throw new Refused(answer.status, found ?? {}, Number(answer.headers.get("Retry-After")) || 0);
}

/** Opens an answer that goes on; returns the response. Throws like `ask`. */
export async function open(path, { headers, signal }) {
  const answer = await reach(path, { headers, signal, cache: "no-store" });
  if (answer.ok) return answer;
  const found = await content(answer);
  throw new Refused(answer.status, found ?? {}, Number(answer.headers.get("Retry-After")) || 0);
}

async function reach(url, options) {
  try {
    return await fetch(url, { credentials: "same-origin", redirect: "error", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable("no answer: the connection is down");
  }
}

async function content(answer) {
  if (answer.status === 204) return null;
  let text;
  try {
    text = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable("the answer was cut off");
  }
  try {
    return JSON.parse(text);
  } catch {
    // A proxy's own page, say: the status is all that it tells.
    return null;
  }
}

const ID_LETTERS = "abcdefghijklmnopqrstuvwxyz234567";

/** Returns a new id for a command. */
export function commandId() {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return `c-${Array.from(bytes, (byte) => ID_LETTERS[byte % 32]).join("")}`;
}
