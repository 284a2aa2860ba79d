// The page of one Blueprint: what it is, what it costs, where it runs, and its form.

import { flags, monogram, priced } from "./catalogue.js";
import { question } from "./asking.js";
import { el } from "./dom.js";
import { Order } from "./order.js";
import { label } from "./words.js";

export class BlueprintPage {
  #abort = new AbortController();
  #order = null;

  /** `go(view, …names)` leads elsewhere; `rows()` are the live rows. */
  constructor(node, organization, blueprint, { go, rows }) {
    Object.assign(this, { node, organization, blueprint, go, rows });
    this.#read();
  }

  stop() {
    this.#abort.abort();
    this.#order?.stop();
  }

  changed() {}

  tick() {
    this.#order?.tick();
  }

  #back() {
    return el("button", { type: "button", class: "small plain", text: "← Catalogue", on: { click: () => this.go("catalogue") } });
  }

  async #read() {
    this.node.replaceChildren(el("p", { class: "empty", role: "status", text: "Reading…" }));
    let found;
    try {
      found = await question("catalog.show", this.organization, { blueprint: this.blueprint }, this.#abort.signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.node.replaceChildren(el("div", { class: "page" }, this.#back(),
        el("p", { class: "notice", role: "alert", text: `It cannot be shown: ${error.message}` }),
        el("button", { type: "button", text: "Try again", on: { click: () => this.#read() } })));
      return;
    }
    this.#draw(found);
  }

  #draw(found) {
    const { card } = found;
    this.#order = new Order({ organization: this.organization, blueprint: card.name }, this.rows, {
      opened: (change) => this.go("change", change),
    });
    const title = el("h2", { text: card.title, tabindex: "-1" });
    this.node.replaceChildren(el("div", { class: "page" },
      this.#back(),
      el("div", { class: "product" }, monogram(card),
        el("div", {}, title,
          el("p", { class: "quiet", text: [card.name, found.version, label(card.category || "other")].join(" · ") }),
          el("p", { text: found.description || card.summary }),
          el("p", { class: "tail" }, el("strong", { text: priced(card.price) }), flags(card)))),
      this.#facts(found),
      found.readme ? el("details", {}, el("summary", { text: "Read more" }), el("pre", { class: "prose" }, found.readme)) : null,
      found.readme === null ? el("p", { class: "quiet", text: "Its own text cannot be read now." }) : null,
      el("h3", { text: `Install ${card.title}` }),
      this.#order.node));
    title.focus();
  }

  #facts(found) {
    const runs = found.runs.map((run) => el("button", { type: "button", class: "link", on: {
      click: () => this.go("application", run.application, run.environment),
    } }, `${run.application} in ${run.environment} (${run.version})`));
    const kept = found.versions.map((one) => [one.version, one.state === "available" ? "" : one.state, one.security ? "dangerous" : "", one.reason].filter(Boolean).join(": "));
    const lines = [
      ["Needs", found.needs.join(", ") || "nothing else"],
      ["Versions", kept.join(", ")],
      ["License", found.license],
      ["Made by", found.owner?.team],
      ["Pinned", found.pinned ? `${found.pinned}: ${found.pinned_why}` : ""],
      ["Documentation", found.documentation],
    ].filter(([, text]) => text);
    return el("dl", { class: "facts" },
      lines.map(([name, text]) => el("div", {}, el("dt", { text: name }), el("dd", { text: String(text) }))),
      el("div", {}, el("dt", { text: "Runs as" }), el("dd", {}, runs.length ? runs.flatMap((run, at) => (at ? [", ", run] : [run])) : "nothing yet")));
  }
}
