// What is wanted of one Application, asked field by field, and its plan: install, configure, …

import { question } from "./asking.js";
import { ConfigForm } from "./config.js";
import { el } from "./dom.js";
import { Extras } from "./extras.js";
import { Choice, Text } from "./fields.js";
import { pictureOf, unread } from "./icons.js";
import { otherWays } from "./otherway.js";
import { paidBy } from "./paid.js";
import { PlanView } from "./plan.js";
import { placed, words } from "./refusal.js";
import { steps } from "./schema.js";
import { place } from "./words.js";

const INPUT_MS = 150;

/** Returns the names of an Organization's rows of a kind. */
export function namesOf(rows, kind, organization) {
  const found = [...rows.keys()].map(place).filter((at) => at.kind === kind && at.organization === organization);
  return found.map(({ name }) => name).sort();
}

/** Returns the names of the Applications of a Blueprint that are to run in an Environment. */
export function copiesOf(rows, organization, blueprint, environment) {
  const found = [];
  for (const [key, { doc }] of rows) {
    const at = place(key);
    if (at.kind !== "application" || at.organization !== organization) continue;
    if (doc?.bindings?.some((one) => one.environment === environment && one.desired?.blueprint === blueprint)) found.push(at.name);
  }
  return found.sort();
}

export class Order {
  node = el("div", { class: "order" });
  #config = null;
  #form = null;
  #abort = null;
  #timer = null;
  #turn = 0;
  #ways = []; // Nodes that offer another way than what was refused.
  #chosen = {}; // What stands for an alias, as it was chosen beside the form.

  /**
   * `about`: `{organization, blueprint}`, and `{environment, application}` of what runs already;
   * `on.opened(change)` when a plan is carried out; `on.go(kind, name)` leads to what it waits for;
   * `on.waiting(organization)` is what waits there; `on.builds` says whether whoever looks may plan; `on.lacking()` returns what is said where there is no Environment, or null while that is not known.
   */
  constructor(about, rows, on) {
    this.about = about;
    this.rows = rows;
    this.lacking = on.lacking ?? (() => null);
    this.fields = {};
    if (!about.application) {
      this.fields.environment = new Choice("environment", { kind: "choice", values: [], schema: {} }, true);
      this.fields.environment.control.addEventListener("change", () => {
        // What runs in one Environment does not run in another.
        this.#choose(Object.fromEntries(Object.entries(this.#chosen).filter(([, one]) => one === "new")));
        this.#load();
      });
      const hint = "What it shall be called: lower-case letters, digits or '-'.";
      this.fields.application = new Text("name", { kind: "text", schema: {}, description: hint }, true);
      this.fields.application.control.value = about.blueprint.replace(/^bp-/, "");
    }
    this.holder = el("div");
    this.extras = new Extras();
    this.choices = el("div");
    this.problems = el("div", { class: "problems", role: "alert" });
    this.button = el("button", { type: "submit", class: "primary", text: "Show the plan" });
    this.plan = new PlanView(about.organization, {
      opened: on.opened,
      again: (dependencies) => this.ask({ ...this.asked, dependencies }),
      paid: () => paidBy(this.rows(), about.organization),
      copies: (blueprint, environment) => copiesOf(this.rows(), about.organization, blueprint, environment),
      picture: (locked) => (locked ? pictureOf(this.rows(), about.organization, locked) : ""),
      waiting: () => on.waiting(about.organization),
      go: on.go,
    });
    this.form = el("form", { class: "order-form", novalidate: true, "aria-label": about.application ? "Configuration" : "Install", on: {
      submit: (event) => {
        event.preventDefault();
        if (on.builds) this.ask(this.#request(), true);
      },
      input: () => {
        // What was planned is not what is asked for any more.
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#forget(), INPUT_MS);
      },
    } }, Object.values(this.fields).map(({ node }) => node), this.holder, this.extras.node, this.choices, this.problems,
    el("div", { class: "actions" }, on.builds ? this.button : null, el("span", { class: "quiet", text: on.builds ? "Nothing happens before you apply it."
      : `What can be set is shown to you. Whoever owns, administers or develops in ${about.organization} plans it.` })));
    this.none = el("div");
    this.node.replaceChildren(this.none, this.form, this.plan.node);
    this.#offer();
    this.#load();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#turn += 1;
    this.#abort?.abort();
  }

  tick() {
    this.plan.tick();
  }

  /** Rows changed: there may be another Environment to choose, or none any more. */
  changed() {
    if (this.#offer()) this.#load();
    this.#sell();
  }

  /** Offers the Environments that there are; returns whether another one is chosen now. */
  #offer() {
    const { environment: field } = this.fields;
    if (!field) return false;
    const places = namesOf(this.rows(), "environment", this.about.organization);
    const lacks = places.length ? null : this.lacking();
    if (!lacks) this.none.replaceChildren();
    else if (!this.none.hasChildNodes()) this.none.replaceChildren(lacks);
    if (places.join() === field.values.join()) return false;
    const before = field.collect();
    field.offer(places);
    if (places.length === 1) field.control.value = "0";
    return field.collect() !== before;
  }

  #where() {
    const { environment, application } = this.about;
    if (application) return { environment, application };
    return { environment: this.fields.environment.collect() ?? "", application: "" };
  }

  /** Returns where in the secret store the secrets of the Environment stand. */
  #secrets() {
    const { organization } = this.about;
    const own = this.environment.startsWith(`${organization}-`) ? this.environment.slice(organization.length + 1) : this.environment;
    return `org/${organization}/env/${own || "<environment>"}`;
  }

  async #load() {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    if (!this.#config) this.holder.replaceChildren(el("p", { class: "quiet", text: "Reading what can be set…" }));
    let form;
    try {
      const asked = { blueprint: this.about.blueprint, ...this.#where() };
      form = await question("catalog.form", this.about.organization, asked, abort.signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.holder.replaceChildren(unread("The form cannot be read", error, () => this.#load()));
      return;
    }
    const before = this.#config;
    this.#config = new ConfigForm(form, Boolean(this.about.application), this.#secrets());
    // With what was typed, and said of it, while the form was read.
    if (before) this.#config.restore(before.typed(), before.said());
    this.holder.replaceChildren(this.#config.node);
    this.#form = form;
    this.#sell();
  }

  /** Offers what can be ordered with it, and shows what it has. */
  #sell() {
    if (this.#form) this.extras.offer(this.#form, this.#running(), this.#balances());
  }

  /** Returns what the account has in each currency, as far as that is shown. */
  #balances() {
    for (const [key, { doc }] of this.rows()) {
      const at = place(key);
      if (at.kind === "account" && at.organization === this.about.organization) return doc?.balances ?? [];
    }
    return [];
  }

  /** Returns what runs there now; null if nothing does, or that is not known yet. */
  #running() {
    const { application, environment, organization } = this.about;
    if (!application) return null;
    for (const [key, { doc }] of this.rows()) {
      const at = place(key);
      if (at.kind !== "application" || at.organization !== organization || at.name !== application) continue;
      return doc?.bindings?.find((one) => one.environment === environment)?.desired ?? null;
    }
    return null;
  }

  #request() {
    const { environment, application, blueprint } = this.about;
    const values = this.#config?.collect() ?? {};
    const extras = this.extras.collect();
    if (Object.keys(this.#chosen).length) extras.dependencies = this.#chosen;
    if (application) return { action: "configure", environment, application, values, ...extras };
    return {
      action: "install",
      environment: this.fields.environment.collect() ?? "",
      application: this.fields.application.collect() ?? "",
      blueprint,
      values,
      ...extras,
    };
  }

  /** Keeps what stands for an alias for every plan of this form, and shows it, to be taken back. */
  #choose(chosen) {
    this.#chosen = chosen;
    this.choices.replaceChildren(...Object.entries(chosen).map(([alias, one]) => el("p", {}, `It uses ${one === "new" ? `a ${alias} of its own` : `${one} as ${alias}`}. `,
      el("button", { type: "button", class: "link", text: `Choose its ${alias} anew`, on: { click: () => this.#drop(alias) } }))));
  }

  #drop(alias) {
    const { [alias]: _, ...others } = this.#chosen;
    this.#choose(others);
    this.ask(this.#request(), true);
  }

  /** The Environment that is chosen; empty for none. */
  get environment() {
    return this.#where().environment;
  }

  /** Asks for a plan of what the form holds, in a version. */
  askVersion(version) {
    this.ask({ ...this.#request(), version }, true);
  }

  #forget() {
    // They would plan what was asked, which the form does not hold any more.
    for (const node of this.#ways.splice(0)) node.remove();
    if (!this.plan.node.hasChildNodes()) return;
    this.#turn += 1;
    this.plan.clear();
  }

  /** Asks for a plan and shows it, or why there is none; `typed`: of what the form holds, which then says what it can itself. */
  async ask(request, typed = false) {
    clearTimeout(this.#timer);
    this.asked = request;
    if (request.dependencies) this.#choose(request.dependencies);
    const turn = (this.#turn += 1);
    this.#clear();
    this.plan.clear();
    if (typed) this.#demand();
    this.button.disabled = true;
    this.plan.node.replaceChildren(el("p", { class: "quiet", role: "status", text: "Planning…" }));
    try {
      const plan = await question("provisioning.plan", this.about.organization, request);
      if (turn !== this.#turn) return;
      this.#clear();
      this.plan.show(plan);
      this.plan.focus();
    } catch (error) {
      if (turn !== this.#turn) return;
      this.plan.clear();
      this.#refused(error);
    } finally {
      this.button.disabled = false;
    }
  }

  #clear() {
    for (const field of Object.values(this.fields)) field.clear();
    this.#config?.clear();
    this.extras.clear();
    this.problems.replaceChildren();
  }

  /** Marks what is wrong as far as the form knows it: the services stop at the first of their steps that fails. */
  #demand() {
    const { environment: where, application } = this.fields;
    if (where?.values.length && where.collect() === undefined) where.mark("Choose where it shall run.");
    application?.demand();
    this.#config?.demand();
  }

  #refused(error) {
    const marked = new Set([...Object.values(this.fields), ...(this.#config?.children() ?? [])].filter(({ messages }) => messages.length));
    this.#ways = otherWays(error.errors ?? [], (chosen) => this.ask({ ...this.asked, dependencies: { ...this.asked.dependencies, ...chosen } }));
    this.problems.replaceChildren(placed(error, (one) => {
      if (one.own_copy) return { field: null, text: "" };
      const field = this.#at(steps(one.pointer ?? "").filter((step, at) => at > 0 || step !== "request"));
      // What is not shown now cannot say what is wrong with it.
      const shown = field && !field.node.closest("[hidden]");
      const text = field && !shown ? `${field.title}: ${words(one)}` : words(one);
      return { field: shown ? field : null, text: marked.has(field) ? field.messages[0] : text };
    }), ...this.#ways);
    if (marked.size) this.form.querySelector('[aria-invalid="true"]').focus();
  }

  #at([first, ...rest]) {
    if (first === "values") return this.#config?.at(rest) ?? null;
    return this.fields[first] ?? this.extras.at([first, ...rest]);
  }
}
