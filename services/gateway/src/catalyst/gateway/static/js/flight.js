// What is on its way in an Organization: every change that is not over, how far it is, and what it waits for.

import { el, say } from "./dom.js";
import { CHANGE_MOODS, changeTitle, sourceOf, stepName } from "./steps.js";
import { age, asSeen, exact } from "./words.js";

export class Flight {
  #lines = new Map();

  constructor(go) {
    this.go = go;
    this.list = el("ul", { class: "lines" });
    this.node = el("section", { class: "card flight", "aria-label": "On its way", hidden: true }, el("h3", { text: "On its way" }), this.list);
  }

  /** Shows what is on its way; lines that stay are not replaced. */
  show(waiting) {
    const found = waiting.open();
    const names = new Set(found.map(({ doc }) => doc.change));
    for (const [name, line] of this.#lines) {
      if (names.has(name)) continue;
      line.node.remove();
      this.#lines.delete(name);
    }
    for (const one of found) this.#fill(one, waiting);
    this.node.hidden = !found.length;
  }

  #fill(one, waiting) {
    const { doc } = one;
    const line = this.#lines.get(doc.change) ?? this.#line(doc);
    const step = doc.steps.find(({ status }) => ["running", "undoing"].includes(status));
    const now = step ? stepName(step.step, doc.request.action) : "";
    say(line.status, asSeen(doc.status, sourceOf(doc)));
    line.status.className = `badge ${CHANGE_MOODS[doc.status] ?? ""}`;
    line.bar.value = doc.percent;
    say(line.at, [now, `${doc.percent} %`, `for ${age(doc.opened, Date.now())}`].filter(Boolean).join(" · "));
    // The last link is the cause; what leads to it stands in the change's own view.
    const cause = waiting.ofChange(one).at(-1);
    say(line.waits, cause ? `It waits: ${cause.message}` : "");
  }

  #line(doc) {
    const name = doc.change;
    const line = { status: el("span", { class: "badge" }), at: el("p", { class: "quiet", title: exact(doc.opened) }), waits: el("p", { class: "waits" }) };
    line.bar = el("progress", { max: "100", value: 0, "aria-label": `How far ${changeTitle(doc)} is` });
    line.node = el("li", {},
      line.status,
      el("div", {}, el("button", { type: "button", class: "link", text: changeTitle(doc), on: { click: () => this.go("change", name) } }), line.at, line.waits),
      line.bar);
    this.list.append(line.node);
    this.#lines.set(name, line);
    return line;
  }
}
