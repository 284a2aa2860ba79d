// A form for any command, made from its JSON Schema; its outcome; and what was wrong, at its field.

import { Refused, Unreachable, ask, commandId } from "./api.js";
import { byId, coded, el } from "./dom.js";
import { Choice, Text } from "./fields.js";
import { Group } from "./groups.js";
import { unread } from "./icons.js";
import { Answer } from "./outcome.js";
import { placed, words } from "./refusal.js";
import { seesPlatform } from "./rights.js";
import { shape, steps } from "./schema.js";
import { commandName, either, label, place } from "./words.js";

const WAIT_SECONDS = 15;

export class CommandForm {
  #panel = byId("panel-send");
  #session = null;
  #contracts = new Map();
  #contract = null;
  #data = null;
  #target = {};
  #fields = {};
  #sent = { text: "", id: "" };
  #rows;
  #answer;

  /** `rows()` returns the live rows, for suggestions; `follow(command, organization)` shows a chain. */
  constructor({ rows, follow, signedOut }) {
    this.#rows = rows;
    this.#answer = new Answer(follow);
    this.signedOut = signedOut;
  }

  /** Offers every command that people send; those that `session` may send come first. */
  async begin(session) {
    this.#session = session;
    let body;
    try {
      ({ body } = await ask("GET", "/v1/contracts"));
    } catch (error) {
      this.#panel.replaceChildren(unread("The commands cannot be read", error, () => this.begin(session)));
      return;
    }
    // What services alone send is refused of any person.
    const commands = body.filter(({ kind, roles }) => kind === "command" && roles.length);
    this.#contracts = new Map(commands.map((contract) => [contract.type, contract]));
    const held = new Set([session.roles, ...Object.values(session.organizations)].flat());
    const [mine, groups] = [[], new Map()];
    for (const contract of commands) {
      const { roles } = contract;
      if (roles.some((role) => held.has(role))) mine.push(contract);
      else groups.set(senders(roles), [...(groups.get(senders(roles)) ?? []), contract]);
    }
    this.#draw(mine, groups);
  }

  /** Forgets everything that was typed. */
  end() {
    this.#session = null;
    this.#contracts = new Map();
    this.#answer.clear();
    this.#panel.replaceChildren();
    this.#contract = null;
    this.#data = null;
    this.#target = {};
    this.#fields = {};
  }

  /** Returns whether somebody has a role anywhere; nobody is told that they have none before it is known. */
  member() {
    const { roles, organizations, service } = this.#session ?? {};
    return !this.#session || Boolean(service || roles.length || Object.keys(organizations).length);
  }

  /** Returns whether the session may send a command in an Organization; false until the commands are read. */
  may(type, organization) {
    const held = [...(this.#session?.roles ?? []), ...(this.#session?.organizations[organization] ?? [])];
    return (this.#contracts.get(type)?.roles ?? []).some((role) => held.includes(role));
  }

  /** Opens the form of a command, with what it is sent to. */
  open(type, target) {
    this.#target = target;
    this.#select.value = type;
    this.#select.focus();
    this.#choose(type);
  }

  /** Fills in what a command is sent to. */
  aim(target) {
    this.#target = target;
    for (const [name, value] of Object.entries(target)) {
      const control = this.#fields[name]?.control;
      if (control && value) control.value = name === "aggregate" ? this.#place(value) : value;
    }
    this.#select?.focus();
  }

  /** Tells how far the rows are, so that an outcome can say whether it is shown. */
  applied(asOf) {
    this.#answer.applied(asOf);
  }

  #select = null;

  #draw(mine, groups) {
    const names = called([...this.#contracts.keys()]);
    const options = (list) => list.map(({ type }) => [names.get(type), type]).sort()
      .map(([text, value]) => el("option", { value, text }));
    const group = (label, list) => (list.length ? el("optgroup", { label }, options(list)) : null);
    const select = el("select", { id: "command", on: { change: () => this.#choose(select.value) } },
      el("option", { value: "", text: "choose…" }),
      group("You may send", mine), [...groups].sort().map(([label, list]) => group(label, list)));
    this.#select = select;
    this.#holder = el("div");
    this.#panel.replaceChildren(
      el("div", { class: "field" }, el("label", { for: "command", text: "Command" }), select),
      this.#holder);
  }

  #holder = null;

  async #choose(type) {
    this.#answer.clear();
    this.#holder.replaceChildren();
    this.#contract = null;
    if (!type) return;
    try {
      const { body } = await ask("GET", `/v1/contracts/${encodeURIComponent(type)}`);
      if (this.#select.value === type) this.#build(body);
    } catch (error) {
      this.#holder.replaceChildren(el("p", { class: "notice", role: "alert", text: error.message }));
    }
  }

  #build(contract) {
    this.#contract = contract;
    if (Object.hasOwn(ELSEWHERE, contract.type)) return this.#lead(contract);
    this.#fields = this.#addressing(contract);
    const about = { ...shape(contract.schema, contract.schema), description: "" };
    this.#data = new Group("data", about, contract.schema, true);
    this.#raw = el("textarea", { id: "raw", rows: "14", spellcheck: "false", "aria-describedby": "raw-error" });
    this.#rawBox = el("div", { class: "field", hidden: true },
      el("label", { for: "raw", text: "Data as JSON" }), this.#raw, el("p", { id: "raw-error", class: "error" }));
    this.#mode = el("button", { type: "button", class: "plain small", text: "Write it as JSON", "aria-pressed": "false", on: {
      click: () => this.#turn(this.#rawBox.hidden),
    } });
    this.#problems = el("div", { class: "problems", role: "alert" });
    this.#button = el("button", { type: "submit", class: "primary", text: "Send" });
    this.#holder.replaceChildren(...introduced(contract),
      el("form", { class: "command-form", novalidate: true, "aria-label": commandName(contract.type), on: {
        submit: (event) => {
          event.preventDefault();
          this.#send();
        },
      } },
      el("fieldset", {}, el("legend", { text: "Sent to" }),
        el("div", { class: "parts" }, Object.values(this.#fields).map((field) => field.node))),
      this.#data.node, this.#rawBox, this.#problems,
      el("div", { class: "actions" }, this.#button, this.#mode,
        el("span", { class: "quiet", text: "* has to be given" }))),
      this.#answer.node);
    return undefined;
  }

  /** Leads whoever may send a command to where it has a form of its own. */
  #lead(contract) {
    this.#fields = {};
    const mine = contract.roles.some((role) => this.#session.roles.includes(role));
    this.#holder.replaceChildren(...introduced(contract), mine ? el("p", { class: "notice" }, el("a", ELSEWHERE[contract.type])) : "");
  }

  #raw = null;
  #rawBox = null;
  #mode = null;
  /** The text as a field: it takes all errors of the data. */
  #text = {
    mark: (text) => (byId("raw-error").textContent += text),
    focus: () => this.#raw.focus(),
  };
  #problems = null;
  #button = null;

  #addressing({ aggregates }) {
    const fields = {};
    const own = "Its short name, such as `acme`";
    const description = seesPlatform(this.#session) ? `${own}; \`_\` for what belongs to the platform, such as its price book.` : `${own}.`;
    fields.organization = new Text("organization", { kind: "text", schema: {}, description }, true);
    suggest(fields.organization, () => this.#names("organization"));
    if (aggregates.length > 1) {
      fields.aggregate = new Choice("kind", { kind: "choice", values: aggregates, schema: {} }, true);
    }
    if (aggregates.length > 1 || aggregates[0] !== "organization") {
      const name = aggregates.length > 1 ? "name" : `${aggregates[0]}_name`;
      fields.id = new Text(name, { kind: "text", schema: {} }, true);
      suggest(fields.id, () => this.#names(fields.aggregate?.collect() ?? aggregates[0]));
    }
    for (const [name, field] of Object.entries(fields)) {
      const value = this.#target[name];
      if (value && name === "aggregate") field.control.value = String(Math.max(0, aggregates.indexOf(value)));
      else if (value && (name !== "id" || aggregates.includes(this.#target.aggregate))) field.control.value = value;
    }
    return fields;
  }

  #place(aggregate) {
    const place = this.#contract.aggregates.indexOf(aggregate);
    return place < 0 ? "" : String(place);
  }

  #names(kind) {
    const organization = this.#fields.organization?.collect();
    const found = [];
    for (const key of this.#rows().keys()) {
      const at = place(key);
      if (at.kind !== kind) continue;
      if (kind === "organization" || !organization || at.organization === organization) found.push(at.name);
    }
    return found.sort();
  }

  /** Turns between fields and text; what the fields hold is taken along into the text. */
  #turn(raw) {
    if (raw) this.#raw.value = JSON.stringify(this.#data.collect(), null, 2);
    this.#rawBox.hidden = !raw;
    this.#data.node.hidden = raw;
    this.#mode.textContent = raw ? "Back to the fields" : "Write it as JSON";
    this.#mode.setAttribute("aria-pressed", String(raw));
    if (raw) this.#raw.focus();
  }

  async #send() {
    this.#clear();
    // What is missing here is said here; the door names what is wrong besides.
    for (const field of Object.values(this.#fields)) field.demand();
    const contract = this.#contract;
    const raw = this.#rawBox.hidden ? JSON.stringify(this.#data.collect()) : this.#raw.value;
    const query = {};
    for (const [name, field] of Object.entries(this.#fields)) query[name] = field.collect() ?? "";
    // An id is kept until an answer came: sent once more, the same command counts once.
    const text = JSON.stringify([contract.type, query, raw]);
    if (text !== this.#sent.text) this.#sent = { text, id: commandId() };
    const headers = { Prefer: `wait=${WAIT_SECONDS}`, "Idempotency-Key": this.#sent.id };
    this.#button.disabled = true;
    this.#answer.waiting();
    try {
      const path = `/v1/commands/${encodeURIComponent(contract.type)}`;
      const { body } = await ask("POST", path, { query, raw, headers });
      this.#sent = { text: "", id: "" };
      if (contract !== this.#contract) return;
      const outcome = await this.#answer.settle(body, query.organization);
      if (outcome?.status === "rejected" && contract === this.#contract) this.#refused(outcome);
    } catch (error) {
      if (contract === this.#contract) this.#failed(error);
    } finally {
      this.#button.disabled = false;
    }
  }

  #failed(error) {
    this.#answer.clear();
    if (error instanceof Unreachable) {
      this.#answer.unknown(this.#sent.id);
    } else if (error instanceof Refused) {
      if (error.status === 401) this.signedOut(error.message);
      else this.#refused(error);
    } else throw error;
  }

  #clear() {
    this.#problems.replaceChildren();
    this.#data.clear();
    byId("raw-error").textContent = "";
    for (const field of Object.values(this.#fields)) field.clear();
  }

  #refused(error) {
    this.#problems.replaceChildren(placed(error, (one) => this.#where(one)));
  }

  #where({ pointer, ...one }) {
    const said = words(one);
    const path = steps(pointer);
    if (path[0] === "data") {
      if (!this.#rawBox.hidden) return { field: this.#text, text: `${pointer.slice("/data".length) || "/"}: ${said}. ` };
      const { field, left } = this.#data.locate(path.slice(1));
      return { field, text: left.length ? `${left.map(label).join(" / ")}: ${said}` : said };
    }
    const named = { subject: "id", id: "id", organization: "organization", aggregate: "aggregate" };
    const name = named[path[0] ?? one.rule] ?? "";
    // An Organization is its own id.
    const field = this.#fields[name] ?? (name === "id" ? this.#fields.organization : null) ?? null;
    return { field, text: (one.rule === "query" && field?.messages[0]) || said };
  }
}

/** What has a form of its own alone, because it needs what nobody can make by hand, such as a voucher's name from its code. */
const ELSEWHERE = { "billing.issue-voucher.v1": { href: "#/prices", text: "Issue a voucher among the prices: its code, and its name, which is made of the code, are made for you there" } };

/** Returns what a command is for, and who sends it. */
function introduced({ type, summary, roles, services }) {
  const senders = [...roles, ...services.map((name) => `service ${name}`)];
  return [el("p", {}, coded(summary)), el("p", { class: "quiet" }, el("code", { text: type }), ` · sent by ${senders.join(", ")}`)];
}

/** Returns what a group of commands is called: who sends them. */
function senders(roles) {
  return `Sent by ${either(roles)}`;
}

/** Returns what commands are called, by type: several of one name with whose they are. */
function called(types) {
  const names = types.map(commandName);
  const whose = (type, name) => (names.filter((one) => one === name).length > 1 ? `${name} (${type.split(".")[0]})` : name);
  return new Map(types.map((type, at) => [type, whose(type, names[at])]));
}

function suggest(field, names) {
  const list = el("datalist", { id: `${field.control.id}-names` });
  field.control.setAttribute("list", list.id);
  field.control.addEventListener("focus", () => {
    list.replaceChildren(...names().map((value) => el("option", { value })));
  });
  field.node.append(list);
}
