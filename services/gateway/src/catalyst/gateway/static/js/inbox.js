// What waits for whoever is signed in, across all Organizations and Environments: changes to approve or to reject.

import { Decision } from "./deciding.js";
import { el, say } from "./dom.js";
import { approvalLines, factsOf } from "./gates.js";
import { nothing } from "./icons.js";
import { money } from "./money.js";
import { paid } from "./parts.js";
import { standing } from "./rights.js";
import { changeTitle } from "./steps.js";
import { age, counted, exact, place } from "./words.js";

const KINDS = ["change", "organization"];
const DONE = { "approve-change": "You approved", "reject-change": "You rejected" };
/** What is said of a change that whoever is signed in does not decide. */
const OTHERS = { author: "Yours: somebody else has to approve it.", approved: "You approved it; more approvals are missing." };

/** Returns the changes that wait for approvals and concern a session, the oldest first, as `{key, organization, doc, stands}`. */
export function waitingFor(session, rows) {
  const found = [];
  for (const [key, { doc }] of rows) {
    const { kind, organization } = place(key);
    if (kind !== "change" || doc?.status !== "waiting" || !doc.waits_for.includes("approvals")) continue;
    const stands = standing(session, organization, rows, doc);
    if (stands) found.push({ key, organization, doc, stands });
  }
  return found.sort(({ doc: one }, { doc: other }) => (one.opened < other.opened ? -1 : 1));
}

/** Returns whether rows changed that say what waits for whom; null: all of them did. */
export function concerns(keys) {
  return keys === null || keys.some((key) => KINDS.includes(place(key).kind));
}

export class Inbox {
  #cards = new Map();

  constructor(node, { rows, ready, session }) {
    Object.assign(this, { rows, ready, session });
    this.count = el("p", { class: "quiet", role: "status" });
    this.said = el("p", { class: "notice", role: "status", hidden: true });
    this.none = el("div", { class: "card" });
    this.mine = el("section", { class: "page", "aria-label": "For you to decide" });
    this.others = el("section", { class: "page", "aria-label": "Waits for somebody else" });
    this.first = el("h3", { text: "For you to decide" });
    this.rest = el("h3", { text: "Waits for somebody else" });
    node.replaceChildren(el("div", { class: "page inbox" },
      el("header", { class: "head" }, el("div", {}, el("h2", { text: "Waiting for you" }), this.count)),
      this.said, this.none, this.first, this.mine, this.rest, this.others));
    this.changed(null);
  }

  stop() {
    for (const { decision } of this.#cards.values()) decision?.stop();
  }

  tick() {
    for (const card of this.#cards.values()) this.#age(card);
  }

  changed(keys) {
    if (concerns(keys)) this.#draw();
  }

  #draw() {
    const found = waitingFor(this.session, this.rows());
    // What changed from one list to the other is drawn anew there; all else stays, with what was typed.
    const names = new Map(found.map(({ key, stands }) => [key, stands]));
    for (const [key, card] of this.#cards) {
      if (names.get(key) === card.stands) continue;
      card.decision?.stop();
      card.node.remove();
      this.#cards.delete(key);
    }
    for (const one of found) this.#fill(one);
    const mine = found.filter(({ stands }) => stands === "decides").length;
    say(this.count, this.ready() ? `${counted(mine, "change")} for you to decide, in all Organizations that you see` : "Looking…");
    this.none.hidden = mine > 0 || !this.ready();
    if (!this.none.hasChildNodes()) this.none.append(nothing("check", "Nothing waits for your approval. What comes to wait for it is shown here at once."));
    this.rest.hidden = this.others.hidden = found.length === mine;
    this.first.hidden = this.mine.hidden = !mine;
  }

  #fill(one) {
    const { key, doc, stands } = one;
    let card = this.#cards.get(key);
    if (!card) {
      card = this.#card(one);
      this.#cards.set(key, card);
      (stands === "decides" ? this.mine : this.others).append(card.node);
    }
    const text = JSON.stringify(doc);
    if (card.drawn !== text) {
      Object.assign(card, { drawn: text, doc });
      card.author.replaceChildren(factsOf([["Asked for by", authorOf(doc)]]));
      card.facts.replaceChildren(factsOf(linesOf(doc)));
      card.decision?.show(doc);
      card.decision?.plan.show(doc);
    }
    this.#age(card);
  }

  #card({ organization, doc, stands }) {
    const title = changeTitle(doc);
    const [author, facts] = [el("div"), el("div")];
    const since = el("p", { class: "quiet", title: exact(doc.opened) });
    const href = `#/${["change", organization, doc.change].map(encodeURIComponent).join("/")}`;
    const head = el("div", {}, el("h4", {}, el("a", { href, text: title })), since);
    const card = { stands, author, facts, since, organization, doc, decision: null };
    const rest = stands === "decides" ? this.#deciding(card, title) : el("p", { class: "quiet", text: OTHERS[stands] });
    card.node = el("article", { class: "card ask", "aria-label": `${title} (${organization})` }, head, author, facts, rest);
    return card;
  }

  /** Returns what shows the plan, and takes the decision once it was looked at. */
  #deciding(card, title) {
    const { organization } = card;
    const inside = el("div", { class: "page" });
    return el("details", { on: {
      toggle: ({ target }) => {
        // The plan says the same of the price, and of who may approve.
        card.facts.hidden = target.open;
        if (!target.open || card.decision) return;
        const done = (name, why) => {
          this.said.hidden = false;
          say(this.said, `${DONE[name]}: ${title} (${organization})${why ? `, and it is not carried out: ${why}` : ""}.`);
        };
        card.decision = new Decision(organization, card.doc.change, { rows: this.rows, session: this.session, done });
        inside.append(card.decision.plan.node, card.decision.node, card.decision.problems);
        card.decision.plan.show(card.doc);
        card.decision.show(card.doc);
      },
    } }, el("summary", { text: "Look at its plan, then approve or reject" }), inside);
  }

  #age({ since, organization, doc }) {
    const where = doc.environment ? `${organization} · ${doc.environment}` : organization;
    say(since, `${where} · waits for ${age(doc.opened, Date.now())} · ${doc.change}`);
  }
}

const authorOf = (doc) => doc.author_email || doc.author;

function linesOf(doc) {
  const author = authorOf(doc);
  const { approvals: asked, missing, approved, officers } = doc;
  return [
    ["Price", doc.quote ? `${money(doc.quote.total)} a month, ${money(doc.quote.due)} now${paid(doc.quote)}` : "nothing is bought"],
    ...approvalLines({ asked, missing, author, approved, officers }),
  ];
}
