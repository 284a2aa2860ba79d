// Server-sent events from a stream of bytes, as the HTML standard frames them.

/** Takes pieces of text; calls `event(name, data, id)` for each event, `retry(ms)` for each wait. */
export class EventParser {
  #buffer = "";
  #afterReturn = false;
  #name = "";
  #data = [];
  #id = "";
  #handlers;

  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** Reads on; a line that has not ended waits for the next piece. */
  feed(text) {
    this.#buffer += text;
    let from = 0;
    for (let at = 0; at < this.#buffer.length; at += 1) {
      const mark = this.#buffer[at];
      if (mark !== "\n" && mark !== "\r") {
        this.#afterReturn = false;
        continue;
      }
      // CR and LF together end one line, also when they come in two pieces.
      if (mark === "\r" || !this.#afterReturn) this.#line(this.#buffer.slice(from, at));
      this.#afterReturn = mark === "\r";
      from = at + 1;
    }
    this.#buffer = this.#buffer.slice(from);
  }

  #line(line) {
    if (line === "") {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) this.#handlers.retry(Number(value));
  }

  #dispatch() {
    const [name, data] = [this.#name || "message", this.#data.join("\n")];
    const told = this.#data.length > 0;
    this.#name = "";
    this.#data = [];
    if (told) this.#handlers.event(name, data, this.#id);
  }
}
