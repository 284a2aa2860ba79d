// One change, live: its steps, what it waits for, and what a person can do about it.

import { Absence, absent } from "./absent.js";
import { Again } from "./again.js";
import { Decision } from "./deciding.js";
import { el, say } from "./dom.js";
import { Text } from "./fields.js";
import { factsOf, missingLine } from "./gates.js";
import { backTo, icon, nothing } from "./icons.js";
import { money } from "./money.js";
import { paid } from "./parts.js";
import { builds, cancels, standing } from "./rights.js";
import { CHANGE_MOODS, changeTitle, sourceOf, stepName, takesAway } from "./steps.js";
import { PATIENCE_MS, Why } from "./why.js";
import { actor, asSeen, duration, place } from "./words.js";

/** What stands beside a step; a step that runs turns. */
const SIGNS = { done: "check", failed: "cross", undone: "undo", undoing: "undo" };
/** Steps that wait until something is seen; what nobody saw of it is their detail. */
const LOOKS = ["observe", "unprotect"];
const OVER = ["completed", "failed", "cancelled", "rejected"];
const GAVE_UP = ["failed", "cancelled"];
/** What a step is called that was not begun: it comes, or it never will. */
const LATER = "later";
const NEVER = "not done";

export class ChangePage {
  #began = new Map();
  #drawn = "";
  #waits = { text: "", since: 0 };

  constructor(node, organization, change, { go, inside, rows, ready, session, waiting }) {
    Object.assign(this, { organization, change, go, inside, rows, session, waiting });
    this.absence = new Absence(ready);
    this.title = el("h2", { text: change, tabindex: "-1" });
    this.status = el("p", { role: "status" });
    this.elapsed = el("span", { class: "quiet elapsed" });
    this.bar = el("progress", { max: "100", value: 0, "aria-label": "How far it is" });
    this.facts = el("div");
    this.steps = el("ol", { class: "change-steps" });
    this.why = new Why(go);
    this.end = el("div");
    this.decision = new Decision(organization, change, { rows, session });
    this.again = new Again(organization, { go, rows, waiting });
    this.#actions();
    node.replaceChildren(el("div", { class: "page" },
      inside ? backTo("Back to Applications", () => go("applications")) : backTo("Back to what waits for you", () => go("waiting")),
      el("header", { class: "hero" },
        el("div", {}, this.title, el("p", { class: "quiet" }, el("code", { text: change }))),
        el("div", { class: "progress" }, el("div", {}, this.status, this.elapsed), this.bar)),
      el("div", { class: "columns" },
        el("div", { class: "main" }, this.decision.plan.node,
          el("section", { class: "card", "aria-label": "Steps" }, el("h3", { text: "Steps" }), this.steps, this.why.node, this.end)),
        el("div", { class: "aside" }, this.acts, this.decision.problems,
          el("section", { class: "card", "aria-label": "About" }, el("h3", { text: "About" }), this.facts))), this.again.plan.node));
    this.changed(null);
    this.title.focus();
  }

  stop() {
    this.decision.stop();
    this.again.stop();
  }

  tick() {
    const { doc } = this.#row() ?? {};
    if (!doc) return this.#absent();
    const until = doc.finished ? Date.parse(doc.finished) : Date.now();
    say(this.elapsed, `${doc.finished ? "took" : "for"} ${duration(until - Date.parse(doc.opened))}`);
    for (const [step, node] of this.timers ?? []) {
      const known = this.#began.get(step);
      if (known) say(node, ` · ${duration((known.ended ?? Date.now()) - known.began)}`);
    }
    const waits = JSON.stringify(doc.blocked_by ?? []);
    if (waits !== this.#waits.text) this.#waits = { text: waits, since: performance.now() };
    const patient = performance.now() - this.#waits.since < PATIENCE_MS;
    this.again.tick();
    this.why.show(patient ? [] : this.waiting(this.organization).whole(doc.blocked_by ?? [], `change ${this.change}`));
  }

  changed() {
    const value = this.#row();
    if (!value?.doc) return this.#absent();
    const text = JSON.stringify(value.doc);
    if (text !== this.#drawn) {
      this.#drawn = text;
      this.#draw(value);
    }
    this.tick();
  }

  #absent() {
    const gone = "Its Organization is deleted, and everything that was shown of it went with it.";
    const none = this.absence.sure ? `There is no such change in ${this.organization}, or it is not yours to see.` : "";
    const text = this.#drawn ? gone : none;
    this.bar.hidden = text !== "";
    if (this.missing === text) return;
    this.missing = text;
    this.steps.replaceChildren(el("li", {}, text ? absent(text, this.organization) : nothing("clock", "Waiting for its first row…")));
  }

  #row() {
    for (const [key, value] of this.rows()) {
      const at = place(key);
      if (at.kind === "change" && at.organization === this.organization && at.name === this.change) return value;
    }
    return null;
  }

  #draw({ doc, time, actor: by }) {
    this.missing = null;
    this.bar.hidden = false;
    say(this.title, changeTitle(doc));
    this.status.replaceChildren(el("span", { class: `badge change-status ${CHANGE_MOODS[doc.status] ?? ""}`, text: asSeen(doc.status, sourceOf(doc)) }), ` ${doc.percent} %${doc.reason ? ` · ${doc.reason}` : ""}`);
    this.bar.value = doc.percent;
    this.bar.className = CHANGE_MOODS[doc.status] ?? "";
    this.timers = new Map();
    const { action, application, environment } = doc.request;
    this.steps.replaceChildren(...doc.steps.map((one) => this.#step(one, Date.parse(time), doc)));
    const stays = this.inside && doc.status === "completed" && application && environment && action !== "uninstall";
    this.end.replaceChildren(...[
      stays ? el("button", { type: "button", text: `See how ${application} is`, on: { click: () => this.go("application", application, environment) } }) : null,
      list("Seen by nobody", unseen(doc)),
      list("Taken back", doc.undone.map((step) => stepName(step, action))),
      list("Left for a person", doc.left),
      stands(doc) ? el("p", { text: stands(doc) }) : null,
      list("Stays", kept(doc)),
    ].filter(Boolean));
    this.facts.replaceChildren(facts(doc, by));
    const open = !OVER.includes(doc.status) && doc.status !== "undoing";
    const [builder, canceller] = [builds, cancels].map((may) => may(this.session, this.organization, this.rows()));
    this.cancel.hidden = !(open && canceller);
    if (builder || (doc.status === "waiting" && standing(this.session, this.organization, this.rows(), doc))) this.decision.plan.show(doc);
    this.decision.show(doc);
    this.again.show(doc, builder);
    this.acts.hidden = [this.cancel, this.decision.node, this.again.button].every(({ hidden }) => hidden);
  }

  #step(one, time, { request: { action }, status }) {
    const known = this.#began.get(one.step);
    const at = ["running", "undoing"].includes(one.status);
    // When a step began is known if its beginning was seen; nothing is said of the others.
    if (at && !known) this.#began.set(one.step, { began: time });
    if (!at && known && !known.ended) known.ended = time;
    const timer = el("span", { class: "quiet" });
    this.timers.set(one.step, timer);
    const through = one.applications.length && at ? `done for ${one.applications.join(", ")}` : "";
    const rest = [one.attempt > 1 ? `attempt ${one.attempt}` : "", through, one.reason, one.detail].filter(Boolean);
    const pending = [...OVER, "undoing"].includes(status) ? NEVER : LATER;
    const waiting = one.status === "pending" ? pending : one.status;
    return el("li", { class: `change-step ${one.status}` },
      el("span", { class: "sign" }, SIGNS[one.status] ? icon(SIGNS[one.status]) : null),
      el("div", {},
        el("p", {}, el("strong", { text: stepName(one.step, action) }), timer),
        rest.length ? el("p", { class: "quiet", text: rest.join(" · ") }) : null),
      el("span", { class: `badge ${CHANGE_MOODS[one.status] ?? ""}`, text: asSeen(waiting, one.source) }));
  }

  #actions() {
    const reason = new Text("Why it shall be stopped", { kind: "text", schema: {} }, false);
    this.cancel = el("details", { hidden: true }, el("summary", { text: "Cancel this change" }), reason.node,
      el("button", { type: "button", text: "Cancel it", on: { click: () => this.decision.send("cancel-change", { reason: reason.control.value }, reason) } }));
    this.acts = el("section", { class: "card acts", "aria-label": "What you can do", hidden: true },
      el("h3", { text: "What you can do" }), this.decision.node, this.cancel, el("div", { class: "actions" }, this.again.button));
  }
}

function list(title, lines) {
  return lines.length ? el("div", { class: "part" }, el("h4", { text: title }), el("ul", {}, lines.map((text) => el("li", { text })))) : null;
}

/** Returns what nobody has seen of a change that is completed. */
function unseen(doc) {
  if (doc.status !== "completed") return [];
  return doc.steps.filter(({ step, detail }) => LOOKS.includes(step) && detail).map(({ detail }) => detail);
}

/** Returns how things stand behind a change that gave up, if nothing is left for a person. */
export function stands(doc) {
  const { status, left, undone, request } = doc;
  if (!GAVE_UP.includes(status) || left.length) return "";
  if (!undone.length) return "Nothing of it was done.";
  const nothing = kept(doc).length ? "nothing of it runs" : "nothing of it is left";
  return `All that it had done is taken back: ${request.action === "install" ? nothing : "what ran before goes on"}.`;
}

/** Returns what stays on purpose of all that such a change had done and took back. */
export function kept({ status, left, undone, request: { action }, organization, environment, lock }) {
  if (!GAVE_UP.includes(status) || left.length) return [];
  const fresh = lock.filter(({ role }) => role === "new" || (role === "target" && action === "install"));
  const names = undone.includes("repository") ? new Set(fresh.map(({ application }) => application)) : [];
  const data = undone.includes("commit") && !takesAway(action);
  return [
    ...[...names].map((name) => `repository ${organization}/${name}: archived, unless ${name} runs elsewhere`),
    ...(data ? [`volumes and credentials, if it brought any to ${environment}: data is kept`] : []),
  ];
}

/** Returns what a request says besides what stands in the title of its change. */
function asked({ action, version, values = {}, dependencies = {}, revision, keep_data: keeps = true, plan, addons = [], drop_plan: bare, drop_addons: without = [], currency }) {
  return [
    version && version !== "*" ? `version ${version}` : "",
    ...Object.entries(values).map(([name, value]) => `${name} = ${value === null ? "nothing" : JSON.stringify(value)}`),
    ...Object.entries(dependencies).map(([alias, name]) => `${alias} is ${name === "new" ? "a new one" : name}`),
    plan ? `package ${plan}` : "",
    bare ? "no package" : "",
    ...addons.map((name) => `add-on ${name}`),
    ...without.map((name) => `without add-on ${name}`),
    currency ? `bought in ${currency}` : "",
    action === "rollback" ? `back to ${revision || "the change before"}` : "",
    takesAway(action) ? `volumes and databases ${keeps ? "stay" : "are deleted"}` : "",
  ].filter(Boolean);
}

/** Returns who stopped a change, by whom its row changed last; nobody for one that went on, even to be taken back. */
function stopper({ status, author, author_email: email }, by) {
  const name = { rejected: "Rejected by", cancelled: "Cancelled by" }[status];
  return name && by.startsWith("user:") ? [[name, by === author && email ? email : actor(by)]] : [];
}

function facts(doc, by) {
  const waits = doc.status === "waiting";
  const approved = doc.approved.map((one) => [one.email || one.by, one.comment].filter(Boolean).join(": "));
  return factsOf([
    ["By", doc.author_email || doc.author],
    ["Asked for", asked(doc.request).join(", ")],
    ["Price", doc.quote ? `${money(doc.quote.total)} a month, ${money(doc.quote.due)} now${paid(doc.quote)}` : "nothing is bought"],
    ["Versions", doc.lock.map((one) => `${one.application} ${one.blueprint} ${one.version}`).join(", ")],
    ...(waits && doc.approvals.length ? [missingLine(doc.missing, doc.author_email || doc.author)] : []),
    ["Approved by", approved.join(", ")],
    ...stopper(doc, by),
    ["Hash", doc.hash],
  ]);
}
