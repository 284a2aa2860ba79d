// The live rows: one open stream, its state in words, and the way back when it breaks.
//
// `fetch` and not `EventSource`, which hides why a connection was refused and repeats what can
// never be accepted.

import { Refused, open } from "./api.js";
import { EventParser } from "./sse.js";
import { resetReason } from "./words.js";

const PATH = "/v1/stream";
const RETRY_MS = 2000;
const MAX_RETRY_MS = 30_000;
const STEADY_MS = 5000; // A connection that held this long begins with short waits again.
const BEHIND_MS = 2000; // Less is not worth a word.
const QUIET_MS = 20_000; // Heartbeats come every 15 s.
const DEAD_MS = 45_000; // After this long without a byte the connection is given up.
const HIDDEN_MS = 60_000; // A browser has few connections; a page that nobody sees gives its back.
const TICK_MS = 500;
const OFFLINE = "this machine is offline";
const RESET_MS = 1500; // A new beginning is over in no time; the word for it stays long enough to read.

export class LiveStream {
  /** Every row by its key. */
  rows = new Map();
  /** Whether the rows have been complete once. */
  complete = false;
  /** Everything up to this sequence of the log is shown. */
  asOf = 0;
  head = 0;
  #cursor = "";
  #staging = null;
  #reason = "start";
  #resetAt = 0;
  #phase = "reconnecting";
  #detail = "";
  #lagSince = null;
  #heardAt = 0;
  #attempts = 0;
  #retryMs = RETRY_MS;
  #retryAt = 0;
  #stopped = false;
  #abort = null;
  #wake = null;
  #hiddenSince = null;
  #tick = null;
  #on;

  /**
   * `on.changed(keys)`: rows came or went (null: all of them); `on.gone(key, data)`: a row was
   * deleted; `on.state(state)`: the words for it changed; `on.denied(text)`: sign in again;
   * `on.applied(asOf)`.
   */
  constructor(on) {
    this.#on = on;
  }

  /** Keeps the rows up to date until `stop`. */
  async run() {
    addEventListener("online", this.#goOn);
    addEventListener("offline", this.#drop);
    document.addEventListener("visibilitychange", this.#seen);
    this.#tick = setInterval(() => this.#watch(), TICK_MS);
    while (!this.#stopped) {
      const began = Date.now();
      const wait = await this.#once();
      if (this.#stopped) break;
      this.#attempts = Date.now() - began > STEADY_MS ? 0 : this.#attempts + 1;
      await this.#rest(wait);
    }
  }

  /** Ends it and forgets all rows. */
  stop() {
    this.#stopped = true;
    removeEventListener("online", this.#goOn);
    removeEventListener("offline", this.#drop);
    document.removeEventListener("visibilitychange", this.#seen);
    clearInterval(this.#tick);
    this.rows.clear();
    this.#abort?.abort();
    this.#wake?.();
  }

  /** Returns `{name, text, detail}`; the names are live, behind, reconnecting and reset. */
  state() {
    const detail = this.#detail;
    if (this.#phase === "reconnecting") {
      const left = Math.ceil((this.#retryAt - Date.now()) / 1000);
      const next = left > 0 ? `next try in ${left} s` : "trying now";
      return { name: "reconnecting", text: "reconnecting", detail: detail ? `${detail}; ${next}` : next };
    }
    const again = this.#reason !== "start" && Date.now() - this.#resetAt < RESET_MS;
    if (this.#staging || again) return { name: "reset", text: "reset", detail: resetReason(this.#reason) };
    const quiet = Date.now() - this.#heardAt;
    const lag = this.#lagSince === null ? 0 : Date.now() - this.#lagSince;
    const behind = Math.max(quiet > QUIET_MS ? quiet : 0, lag > BEHIND_MS ? lag : 0);
    if (behind) {
      const text = `${Math.floor(behind / 1000)} s behind`;
      const why = quiet > QUIET_MS ? "nothing was heard since" : `${this.head - this.asOf} to come`;
      return { name: "behind", text, detail: why };
    }
    return { name: "live", text: "live", detail };
  }

  #goOn = () => this.#wake?.();

  #drop = () => {
    this.#detail = OFFLINE;
    this.#abort?.abort();
  };

  #seen = () => {
    this.#hiddenSince = document.hidden ? Date.now() : null;
    if (!document.hidden) this.#wake?.();
  };

  #watch() {
    const now = Date.now();
    if (this.#hiddenSince !== null && now - this.#hiddenSince > HIDDEN_MS) {
      this.#detail = "paused while nobody looks";
      this.#abort?.abort();
    } else if (this.#phase !== "reconnecting" && now - this.#heardAt > DEAD_MS) {
      this.#detail = "nothing was heard for too long";
      this.#abort?.abort();
    }
    this.#tell();
  }

  #tell() {
    if (!this.#stopped) this.#on.state(this.state());
  }

  /** Follows one connection to its end; returns the least time to wait after it. */
  async #once() {
    if (this.#hiddenSince !== null && Date.now() - this.#hiddenSince > HIDDEN_MS) return Infinity;
    this.#abort = new AbortController();
    const headers = { Accept: "text/event-stream" };
    if (this.#cursor) headers["Last-Event-ID"] = this.#cursor;
    let wait = 0;
    try {
      const answer = await open(PATH, { headers, signal: this.#abort.signal });
      this.#heardAt = Date.now();
      await this.#read(answer);
      this.#detail ||= "the connection ended";
    } catch (error) {
      wait = this.#failed(error);
    }
    this.#abort = null;
    this.#staging = null;
    this.#lagSince = null;
    this.#phase = "reconnecting";
    return wait;
  }

  #failed(error) {
    if (error instanceof Refused) {
      if (error.status === 401) this.#deny(error.message);
      this.#detail = error.message;
      return error.retryAfter * 1000;
    }
    // What is tried meanwhile fails for another reason, which is not the cause.
    if (!navigator.onLine) this.#detail = OFFLINE;
    else if (error.name !== "AbortError") this.#detail = error.message || "the connection broke";
    return 0;
  }

  #deny(text) {
    if (this.#stopped) return;
    this.stop();
    this.#on.denied(text);
  }

  async #read(answer) {
    const parser = new EventParser({
      event: (name, data, id) => this.#take(name, JSON.parse(data), id),
      retry: (milliseconds) => {
        this.#retryMs = Math.max(100, milliseconds);
      },
    });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.#stopped) return;
      this.#heardAt = Date.now();
      parser.feed(value);
      this.#tell();
    }
  }

  #take(name, data, id) {
    if (this.#stopped) return;
    if (id && !this.#staging) this.#cursor = id;
    const handler = this.#handlers[name];
    if (handler) handler(data, id);
  }

  #handlers = {
    reset: ({ reason }) => {
      // The rows that are shown stay until the new ones are complete.
      this.#phase = "open";
      this.#reason = reason;
      this.#resetAt = Date.now();
      this.#staging = new Map();
      this.#cursor = "";
    },
    put: ({ key, value }) => {
      (this.#staging ?? this.rows).set(key, value);
      if (!this.#staging) this.#on.changed([key]);
    },
    del: (data) => {
      (this.#staging ?? this.rows).delete(data.key);
      if (this.#staging) return;
      this.#on.gone(data.key, data);
      this.#on.changed([data.key]);
    },
    synced: (data, id) => {
      if (this.#staging) {
        this.rows = this.#staging;
        this.#staging = null;
        this.complete = true;
        this.#on.changed(null);
      }
      this.#cursor = id;
      this.#phase = "open";
      this.#detail = "";
      this.#progress(data);
    },
    applied: (data) => this.#progress(data),
    heartbeat: (data) => {
      if (!this.#staging) this.#progress(data);
    },
    bye: ({ reason, retryable }) => {
      this.#detail = `the server ended the stream: ${reason}`;
      if (retryable) return;
      const expired = reason === "token-expired";
      this.#deny(expired ? "Your token has expired. Sign in again." : `Signed out: ${reason}`);
    },
  };

  #progress({ as_of: asOf, head, lag_ms: lag }) {
    this.asOf = asOf;
    this.head = Math.max(head ?? this.head, asOf);
    if (lag) this.#lagSince ??= Date.now() - lag;
    if (asOf >= this.head) this.#lagSince = null;
    this.#on.applied(asOf);
  }

  /** Waits before the next connection: longer each time, never all pages at once. */
  async #rest(least) {
    const grown = Math.min(MAX_RETRY_MS, this.#retryMs * 2 ** Math.min(10, this.#attempts - 1));
    const wait = Math.max(least, grown * (0.5 + Math.random() / 2));
    const hidden = wait === Infinity;
    this.#retryAt = hidden ? 0 : Date.now() + wait;
    this.#tell();
    await new Promise((resolve) => {
      const timer = hidden ? null : setTimeout(resolve, wait);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
    this.#retryAt = 0;
    this.#tell();
  }
}
