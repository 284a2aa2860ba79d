// A plan as a person reads it before it is carried out, and the button that does so.

import { Refused, commandId } from "./api.js";
import { command, freshName } from "./asking.js";
import { coded, el, freshId, say } from "./dom.js";
import { gates } from "./gates.js";
import { icon } from "./icons.js";
import { otherWays } from "./otherway.js";
import { files, hosts, lasting, listed, needs, price, staying, steps } from "./parts.js";
import { refusal } from "./refusal.js";
import { planTitle, takesAway } from "./steps.js";
import { Why } from "./why.js";
import { counted, duration } from "./words.js";

export class PlanView {
  node = el("section", { class: "plan", "aria-label": "Plan" });
  #plan = null;
  #button = null;
  #reason = null;
  #sent = null;
  /** Where the name of what goes is to be typed; null: it need not be. */
  #typed = null;
  #busy = false;
  #chains = [];

  /**
   * `on.opened(change)`: the plan is being carried out; `on.again(dependencies)`: plan once more;
   * `on.copies(blueprint, environment)`: the Applications that an alias could stand for;
   * `on.paid()`: the subscriptions that are paid now; `on.picture(locked)`: where the picture is of what is locked; `on.waiting()`: what waits now, as `Waiting`; `on.go(kind, name)` leads to a change.
   */
  constructor(organization, on) {
    this.organization = organization;
    this.on = on;
  }

  clear() {
    this.#plan = null;
    this.#chains = [];
    this.#button = null;
    this.node.replaceChildren();
  }

  /** Shows a plan. */
  show(plan) {
    this.#plan = plan;
    this.#chains = [];
    this.#sent = { change: freshName("ch"), command: commandId() };
    const removal = takesAway(plan.request.action);
    const reasonId = freshId("why");
    this.#reason = el("p", { class: "quiet", id: reasonId });
    this.problems = el("div", { class: "problems", role: "alert" });
    this.#typed = plan.request.action === "delete-organization" ? el("input", { id: freshId("typed"), autocomplete: "off", spellcheck: "false", on: { input: () => this.tick() } }) : null;
    this.#button = el("button", { type: "button", class: removal ? "danger" : "primary", text: this.#does(plan), "aria-describedby": reasonId, on: { click: () => this.#apply() } });
    this.title = el("h3", { text: planTitle({ ...plan, organization: this.organization }), tabindex: "-1" });
    const kept = [listed("What goes", plan.goes), staying(plan, this.organization)];
    this.node.replaceChildren(...[
      el("header", { class: "plan-head" }, this.title,
        plan.steps.length ? el("p", { class: "quiet", text: `${counted(plan.steps.length, "step")}: ${lasting(plan.steps)}` }) : null),
      this.#blocked(plan), ...(removal ? kept : []), this.#dependencies(plan), hosts(plan), price(plan, this.on.paid()), gates(plan),
      listed("Risks", plan.risks.map(({ message }) => message), "bad"),
      listed("Other Applications that need it", plan.dependents),
      ...(removal ? [] : kept),
      plan.steps.length ? steps(plan) : null, files(plan),
      el("p", { class: "quiet" }, "Hash ", el("code", { class: "plan-hash", text: plan.hash })),
      this.problems,
      this.#typed && el("div", { class: "field" }, el("label", { for: this.#typed.id, text: `Type the name of the Organization, ${this.organization}, to delete it` }), this.#typed),
      el("div", { class: "actions plan-foot" }, this.#button, this.#reason),
    ].filter(Boolean));
    this.tick();
  }

  focus() {
    this.title?.focus();
  }

  /** Keeps the button right: a plan is over after a while. */
  tick() {
    if (!this.#plan || !this.#button) return;
    if (this.#chains.length) this.#explain();
    const left = Date.parse(this.#plan.expires) - Date.now();
    const [first] = this.#plan.blocked_by;
    const why = this.#busy ? "It is being sent." : first ? `It cannot be applied: ${first.message}.` : left <= 0 ? "The plan is over; make it anew."
      : this.#typed && this.#typed.value.trim() !== this.organization ? "Type its name first." : "";
    this.#button.disabled = why !== "";
    say(this.#reason, why || `It can be applied for ${duration(left)} more.`);
  }

  /** Tells each link once, below the first of what it keeps from beginning. */
  #explain() {
    const waiting = this.on.waiting();
    const told = new Set();
    const key = ({ kind, name, code, message }) => JSON.stringify([kind, name, code, message]);
    for (const { chain, why, same } of this.#chains) {
      const links = waiting.whole(chain);
      const fresh = links.filter((link) => !told.has(key(link)));
      same.hidden = fresh.length === links.length;
      why.show(fresh);
      for (const link of links) told.add(key(link));
    }
  }

  /** Returns what the button says: of a deletion, what it deletes. */
  #does({ request }) {
    if (!request.action.startsWith("delete-")) return "Apply the plan";
    return `Delete ${request.environment ?? this.organization} and all that is listed`;
  }

  async #apply() {
    const { request, hash, inputs, expires } = this.#plan;
    const { change, command: key } = this.#sent;
    const shown = this.#plan;
    this.#busy = true;
    this.problems.replaceChildren();
    this.tick();
    try {
      const query = { organization: this.organization, aggregate: "change", id: change };
      await command("provisioning.apply-plan.v1", key, query, { request, hash, inputs, expires });
      if (this.#plan === shown) this.on.opened(change);
    } catch (error) {
      if (this.#plan !== shown) return;
      // What was refused for good goes out anew; what got no answer goes out as the same.
      if (error instanceof Refused) this.#sent = { change: freshName("ch"), command: commandId() };
      const again = el("button", { type: "button", text: "Make the plan anew", on: { click: () => this.on.again(request.dependencies) } });
      this.problems.replaceChildren(refusal(error), again);
    } finally {
      this.#busy = false;
      this.tick();
    }
  }

  #blocked({ blocked_by: blockers, request }) {
    if (!blockers.length) return null;
    this.#chains = blockers.filter(({ chain }) => chain?.length).map(({ chain }) => ({
      chain, why: new Why(this.on.go, "What is behind it"), same: el("p", { class: "quiet", text: "The same is behind it as above.", hidden: true }),
    }));
    const behind = new Map(this.#chains.map(({ chain, why, same }) => [chain, [why.node, same]]));
    const lines = blockers.map(({ message, names, chain }) => el("li", {},
      coded([message, ...(names.length ? [names.join(" → ")] : [])].join(": ")), behind.get(chain) ?? null));
    return el("div", { class: "blocked" }, icon("warning"), el("div", {}, el("p", {}, el("strong", { text: "It cannot be applied now" })), el("ul", {}, lines),
      ...otherWays(blockers, (chosen) => this.on.again({ ...request.dependencies, ...chosen }))));
  }

  #dependencies(plan) {
    const target = plan.lock.find(({ role }) => role === "target");
    // What a value names stands there under that value's place: it is chosen in the form.
    const aliases = Object.entries(target?.dependencies ?? {}).filter(([alias]) => !alias.startsWith("/"));
    const asking = ["install", "configure", "upgrade"].includes(plan.request.action);
    if (!plan.dependencies.length && !(asking && aliases.length)) return null;
    return el("div", { class: "part" }, el("h4", { text: "What it needs" }), needs(plan, this.on.picture),
      asking ? aliases.map(([alias, name]) => this.#question(plan, alias, name)) : null);
  }

  /** Asks what an alias shall stand for: a new Application, or one that runs. */
  #question(plan, alias, name) {
    const one = plan.lock.find(({ application }) => application === name);
    const id = freshId("alias");
    const fresh = one?.role === "new";
    const copies = this.on.copies(one?.blueprint ?? "", plan.environment);
    if (!fresh && !copies.includes(name)) copies.unshift(name);
    const select = el("select", { id, on: {
      change: () => this.on.again({ ...plan.request.dependencies, [alias]: select.value }),
    } },
    el("option", { value: "new", text: fresh ? `a new one, called ${name}` : "a new one of its own" }),
    copies.map((value) => el("option", { value, text: `${value}, which runs already` })));
    select.value = fresh ? "new" : name;
    return el("div", { class: "field" }, el("label", { for: id, text: `Which ${alias} shall it use?` }), select);
  }
}
