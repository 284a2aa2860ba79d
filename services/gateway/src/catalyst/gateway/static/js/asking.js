// Questions to services, and commands with the outcome they came to.

import { Refused, ask } from "./api.js";
import { lacking } from "./refusal.js";

const WAIT_SECONDS = 15;
const ID_LETTERS = "abcdefghijklmnopqrstuvwxyz234567";

/** Returns what a service answers; throws like `ask`, and says who can help where a role of the Organization is missing. */
export async function question(name, organization, data, signal) {
  const [service, asked] = name.split(".");
  const path = `/v1/queries/${service}/${asked}`;
  try {
    const { body } = await ask("POST", path, { query: { organization }, raw: JSON.stringify(data), signal });
    return body.result;
  } catch (error) {
    if (lacking(error)) error.message += /\borg-/.test(error.message) ? `. Whoever owns ${organization} can give you one.` : ".";
    throw error;
  }
}

/**
 * Sends a command and returns its outcome once it is decided. A rejection throws `Refused`, like
 * everything else that is refused; sent once more under the same `key`, it counts once.
 */
export async function command(type, key, query, data) {
  const headers = { Prefer: `wait=${WAIT_SECONDS}`, "Idempotency-Key": key };
  const path = `/v1/commands/${encodeURIComponent(type)}`;
  let { body } = await ask("POST", path, { query, raw: JSON.stringify(data), headers });
  while (body.status === "pending") body = await decided(body, query.organization);
  if (body.status !== "accepted") {
    throw new Refused(422, { code: body.code, detail: body.message, errors: body.errors ?? [] }, 0);
  }
  return body;
}

async function decided(pending, organization) {
  const path = `/v1/outcomes/${encodeURIComponent(pending.id)}`;
  const headers = { Prefer: `wait=${WAIT_SECONDS}` };
  try {
    return (await ask("GET", path, { query: { organization }, headers })).body;
  } catch (error) {
    if (error.status === 404) return pending; // Not recorded yet.
    throw error;
  }
}

/** Returns a new name for something that whoever asks for it names, such as a change. */
export function freshName(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `${prefix}-${Array.from(bytes, (byte) => ID_LETTERS[byte % 32]).join("")}`;
}
