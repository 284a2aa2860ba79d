// One change, live: its steps, what it waits for, and what a person can do about it.

import { commandId } from "./api.js";
import { command } from "./asking.js";
import { el, freshId, say } from "./dom.js";
import { money } from "./money.js";
import { refusal } from "./refusal.js";
import { changeTitle, stepName } from "./steps.js";
import { chainOf, whole } from "./why.js";
import { counted, duration, place } from "./words.js";

const MOODS = { done: "good", completed: "good", running: "warn", undoing: "warn", waiting: "warn", failed: "bad", rejected: "bad" };
const OVER = ["completed", "failed", "cancelled", "rejected"];

export class ChangePage {
  #began = new Map();
  #drawn = "";

  constructor(node, organization, change, { go, rows, session }) {
    Object.assign(this, { organization, change, go, rows, session });
    this.title = el("h2", { text: change, tabindex: "-1" });
    this.status = el("p", { role: "status" });
    this.elapsed = el("span", { class: "quiet elapsed" });
    this.facts = el("div");
    this.steps = el("ol", { class: "change-steps" });
    this.why = el("div");
    this.end = el("div");
    this.problems = el("div", { class: "problems", role: "alert" });
    this.#actions();
    node.replaceChildren(el("div", { class: "page" },
      el("button", { type: "button", class: "small plain", text: "← Applications", on: { click: () => go("applications") } }),
      el("div", {}, this.title, el("p", { class: "quiet" }, el("code", { text: change })), this.status, this.elapsed),
      this.steps, this.why, this.end, this.acts, this.problems, this.facts));
    this.changed(null);
    this.title.focus();
  }

  stop() {}

  tick() {
    const { doc } = this.#row() ?? {};
    if (!doc) return;
    const until = doc.finished ? Date.parse(doc.finished) : Date.now();
    say(this.elapsed, `${doc.finished ? "took" : "for"} ${duration(until - Date.parse(doc.opened))}`);
    for (const [step, node] of this.timers ?? []) {
      const known = this.#began.get(step);
      if (known) say(node, ` · ${duration((known.ended ?? Date.now()) - known.began)}`);
    }
    const links = chainOf(whole(doc.blocked_by ?? [], this.rows(), this.organization));
    this.why.replaceChildren(...(links ? [links] : []));
  }

  changed() {
    const value = this.#row();
    if (!value?.doc) {
      say(this.status, "Waiting for its first row…");
      return;
    }
    const text = JSON.stringify(value.doc);
    if (text !== this.#drawn) {
      this.#drawn = text;
      this.#draw(value);
    }
    this.tick();
  }

  #row() {
    for (const [key, value] of this.rows()) {
      const at = place(key);
      if (at.kind === "change" && at.organization === this.organization && at.name === this.change) return value;
    }
    return null;
  }

  #draw({ doc, time }) {
    say(this.title, changeTitle(doc));
    this.status.replaceChildren(el("span", { class: `badge change-status ${MOODS[doc.status] ?? ""}`, text: doc.status }), ` ${doc.percent} %${doc.reason ? ` · ${doc.reason}` : ""}`);
    this.timers = new Map();
    this.steps.replaceChildren(...doc.steps.map((one) => this.#step(one, Date.parse(time))));
    this.end.replaceChildren(...[
      list("Taken back", doc.undone.map(stepName)),
      list("Left for a person", doc.left),
    ].filter(Boolean));
    this.facts.replaceChildren(facts(doc));
    const open = !OVER.includes(doc.status) && doc.status !== "undoing";
    this.cancel.hidden = !open;
    this.approve.hidden = !(open && doc.waits_for.includes("approvals"));
    const mine = Boolean(doc.author_email) && doc.author_email === this.session.email;
    this.agree.disabled = mine;
    say(this.ownWord, mine ? "Somebody else has to approve it: this change is yours." : "");
  }

  #step(one, time) {
    const known = this.#began.get(one.step);
    const at = ["running", "undoing"].includes(one.status);
    // When a step began is known if its beginning was seen; nothing is said of the others.
    if (at && !known) this.#began.set(one.step, { began: time });
    if (!at && known && !known.ended) known.ended = time;
    const timer = el("span", { class: "quiet" });
    this.timers.set(one.step, timer);
    const through = one.applications.length && at ? `done for ${one.applications.join(", ")}` : "";
    const rest = [one.attempt > 1 ? `attempt ${one.attempt}` : "", through, one.reason, one.detail].filter(Boolean);
    return el("li", { class: `change-step ${one.status}` },
      el("span", { class: `badge ${MOODS[one.status] ?? ""}`, text: one.status }), " ",
      el("strong", { text: stepName(one.step) }), timer,
      rest.length ? el("p", { class: "quiet", text: rest.join(" · ") }) : null);
  }

  #actions() {
    const input = (text) => {
      const id = freshId("said");
      const control = el("input", { id, type: "text", autocomplete: "off" });
      return [control, el("div", { class: "field" }, el("label", { for: id, text }), control)];
    };
    const [reason, reasonBox] = input("Why it shall be stopped");
    const [comment, commentBox] = input("What you say to it");
    const act = (text, action, mood = "") => el("button", { type: "button", class: mood, text, on: { click: action } });
    this.cancel = el("details", { hidden: true }, el("summary", { text: "Cancel this change" }), reasonBox,
      act("Cancel it", () => this.#send("cancel-change", { reason: reason.value }, reason)));
    const hash = () => this.#row()?.doc?.hash ?? "";
    this.agree = act("Approve", () => this.#send("approve-change", { hash: hash(), comment: comment.value }, comment), "primary");
    this.ownWord = el("p", { class: "quiet" });
    this.approve = el("div", { class: "part", hidden: true }, commentBox,
      el("div", { class: "actions" }, this.agree, act("Reject", () => this.#send("reject-change", { hash: hash(), reason: comment.value }, comment))),
      this.ownWord);
    this.acts = el("div", { class: "part" }, this.approve, this.cancel);
  }

  async #send(name, data, control) {
    const text = JSON.stringify([name, data]);
    if (this.sent?.text !== text) this.sent = { text, id: commandId() };
    this.problems.replaceChildren();
    control.removeAttribute("aria-invalid");
    try {
      const query = { organization: this.organization, aggregate: "change", id: this.change };
      await command(`provisioning.${name}.v1`, this.sent.id, query, data);
      this.sent = null;
      control.value = "";
    } catch (error) {
      if (error.status) this.sent = null;
      this.problems.replaceChildren(refusal(error));
      if ((error.errors ?? []).some(({ pointer }) => /\/(reason|comment)$/.test(pointer ?? ""))) {
        control.setAttribute("aria-invalid", "true");
        control.focus();
      }
    }
  }
}

function list(title, lines) {
  return lines.length ? el("div", { class: "part" }, el("h4", { text: title }), el("ul", {}, lines.map((text) => el("li", { text })))) : null;
}

function facts(doc) {
  const missing = doc.missing.map(({ team, quorum }) => `${counted(quorum, "approval")} of ${team || "anyone but the author"}`);
  const lines = [
    ["By", doc.author_email || doc.author],
    ["Price", doc.quote ? `${money(doc.quote.total)} a month, ${money(doc.quote.due)} now` : "nothing is bought"],
    ["Versions", doc.lock.map((one) => `${one.application} ${one.blueprint} ${one.version}`).join(", ")],
    ["Missing", missing.join(", ")],
    ["Approved by", doc.approved.map((one) => [one.email || one.by, one.comment].filter(Boolean).join(": ")).join(", ")],
    ["Fingerprint", doc.hash],
  ].filter(([, text]) => text);
  return el("dl", { class: "facts" }, lines.map(([name, text]) => el("div", {}, el("dt", { text: name }), el("dd", { text }))));
}
