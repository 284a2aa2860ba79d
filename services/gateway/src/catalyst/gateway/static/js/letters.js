// What was set aside because it could not be decided: why, the message itself, and what becomes of it.

import { ask, commandId } from "./api.js";
import { command } from "./asking.js";
import { el, say } from "./dom.js";
import { Text } from "./fields.js";
import { backTo, nothing, unread } from "./icons.js";
import { placed, words } from "./refusal.js";
import { mends } from "./rights.js";
import { actor, age, commandName, counted, exact, label, place } from "./words.js";

const PLATFORM = "_";
/** Whose address nobody could read: it is no command's of anything. */
const UNREAD = "unknown";

/** Returns whose a letter is, as its subject says. */
function owner({ subject }) {
  return subject.split(".")[1];
}

export class Letters {
  #abort = new AbortController();
  #cards = new Map();
  #old = true;
  #reading = false;

  constructor(node, organization, { go, session }) {
    Object.assign(this, { organization, session });
    this.count = el("p", { class: "quiet", role: "status", text: "Looking…" });
    this.list = el("div", { class: "page" });
    const again = el("button", { type: "button", text: "Look again", on: { click: () => this.#read() } });
    const title = el("h2", { text: `Set aside in ${organization}`, tabindex: "-1" });
    this.elsewhere = el("div");
    node.replaceChildren(backTo("Back to the rows", () => go("rows")),
      el("header", { class: "head" }, el("div", {}, title, this.count), again),
      el("p", { class: "quiet", text: "Messages that could not be decided, or not be read. What waits for one to be decided stands still until it is tried again or given up." }),
      this.list, this.elsewhere);
    title.focus();
    this.#read();
  }

  stop() {
    this.#abort.abort();
  }

  /** What is set aside is no row; but a row that begins to stand still, or moves again, tells of it. */
  changed(keys) {
    this.#old ||= keys === null || keys.some((key) => place(key).organization === this.organization);
  }

  tick() {
    for (const { since, letter } of this.#cards.values()) say(since, age(letter.set_aside, Date.now()));
    if (this.#old) this.#read();
  }

  async #read() {
    if (this.#reading) {
      this.#old = true; // What is read may be of before.
      return;
    }
    this.#reading = true;
    this.#old = false;
    const mine = mends(this.session) ? [this.organization, PLATFORM] : [this.organization];
    try {
      const found = [];
      for (const organization of mine) found.push(...await this.#of(organization));
      this.#show(found);
      // Whoever sees all of it is not told that there is nothing where there is something elsewhere.
      if (mends(this.session)) this.#others((await this.#of(null)).map(owner).filter((name) => !mine.includes(name)));
    } catch (error) {
      if (error.name === "AbortError") return;
      say(this.count, "");
      this.#cards.clear();
      this.told = "";
      this.elsewhere.replaceChildren();
      this.list.replaceChildren(unread("What was set aside cannot be read", error, () => this.#read()));
    } finally {
      this.#reading = false;
    }
  }

  async #of(organization) {
    const found = [];
    let after = null;
    do {
      const { body } = await ask("GET", "/v1/dlq", { query: { organization, continue: after }, signal: this.#abort.signal });
      found.push(...body.items);
      after = body.continue;
    } while (after !== null);
    return found;
  }

  /** Shows letters; those that stay keep what is open and typed in them. */
  #show(found) {
    const before = this.#cards;
    this.#cards = new Map(found.map((letter) => [letter.subject, before.get(letter.subject) ?? this.#card(letter)]));
    say(this.count, found.length ? counted(found.length, "message") : "");
    const nodes = [...this.#cards.values()].map(({ node }) => node);
    const shown = nodes.length ? nodes : [el("div", { class: "card" }, nothing("check", `Nothing was set aside in ${this.organization}.`))];
    if (nodes.length && nodes.length === this.list.children.length && nodes.every((node, at) => node === this.list.children[at])) return;
    this.list.replaceChildren(...shown);
  }

  /** Names the Organizations in which more was set aside, and leads there; `names`: one for each message. */
  #others(names) {
    const text = names.join(" ");
    if (text === this.told) return;
    this.told = text;
    const each = [...new Set(names)].sort().map((name) => [name, names.filter((one) => one === name).length]);
    this.elsewhere.replaceChildren(...(each.length ? [el("section", { class: "part", "aria-label": "Elsewhere" }, el("h3", { text: "Set aside elsewhere" }),
      el("ul", {}, each.map(([name, count]) => el("li", {}, el("a", { href: `#/letters/${encodeURIComponent(name)}`, text: name }), `: ${counted(count, "message")}`))))] : []));
  }

  #card(letter) {
    const { message, reason, detail, aggregate } = letter;
    const card = { letter, since: el("span", { title: exact(letter.set_aside), text: age(letter.set_aside, Date.now()) }) };
    const title = message.type ? commandName(message.type) : "A message that nobody can read";
    const of = aggregate && aggregate.aggregate !== UNREAD ? `${label(aggregate.aggregate)} ${aggregate.id}` : message.subject;
    const facts = [of, message.id, message.actor ? `from ${actor(message.actor)}` : ""].filter(Boolean).join(" · ");
    const body = el("div");
    const whole = el("details", {}, el("summary", { text: "The message itself" }), body);
    whole.addEventListener("toggle", () => whole.open && this.#open(letter, body));
    card.problems = el("div", { class: "problems", role: "alert" });
    card.node = el("section", { class: "card", "aria-label": `${title} ${message.id}`.trim() },
      el("h3", { text: title }),
      el("p", {}, el("span", { class: "badge bad", text: label(reason) }), " ", el("span", { class: "quiet" }, `${facts} · for `, card.since)),
      detail ? el("pre", { class: "prose", text: detail }) : null,
      whole, mends(this.session) ? this.#acts(card) : null, card.problems);
    return card;
  }

  async #open(letter, node) {
    if (node.firstChild) return;
    try {
      const { body } = await ask("GET", `/v1/dlq/${encodeURIComponent(letter.subject)}`, { signal: this.#abort.signal });
      node.replaceChildren(el("pre", { class: "prose", text: body.withheld || body.body }));
    } catch (error) {
      if (error.name !== "AbortError") node.replaceChildren(el("p", { class: "error", text: `It cannot be read now: ${error.message}` }));
    }
  }

  #acts(card) {
    const { subject, aggregate } = card.letter;
    const reason = new Text("Why it is given up", { kind: "text", schema: {} }, true);
    const act = (text, mood, press) => el("button", { type: "button", class: mood, text, on: { click: press } });
    const drop = el("details", {}, el("summary", { text: "Give it up" }), reason.node,
      el("div", { class: "actions" }, act("Give it up", "danger", () => this.#send(card, "drop", { subject, reason: reason.control.value }, reason))));
    const known = aggregate && aggregate.aggregate !== UNREAD;
    return el("div", { class: "part" },
      known ? el("div", { class: "actions" }, act("Try it again", "", () => this.#send(card, "retry", { subject }, reason))) : null,
      drop);
  }

  async #send(card, verb, data, field) {
    const { service, aggregate, id, organization } = card.letter.aggregate;
    const type = `${service}.${verb}.v1`;
    const text = JSON.stringify([type, data]);
    if (card.sent?.text !== text) card.sent = { text, id: commandId() };
    card.problems.replaceChildren();
    field.clear();
    try {
      // What nobody could read is of no aggregate, so any of that service takes the order.
      const kind = aggregate === UNREAD ? (await ask("GET", `/v1/contracts/${type}`)).body.aggregates[0] : aggregate;
      await command(type, card.sent.id, { organization: organization ?? PLATFORM, aggregate: kind, id }, data);
      card.sent = null;
      await this.#read();
    } catch (error) {
      if (error.status) card.sent = null;
      const own = ({ pointer }) => pointer?.endsWith("/reason");
      card.problems.replaceChildren(placed(error, (one) => ({ field: own(one) ? field : null, text: words(one) })));
    }
  }
}
