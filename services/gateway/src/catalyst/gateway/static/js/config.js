// The form of a Blueprint's configuration, from `catalog.form`: order, conditions, what is fixed.

import { el } from "./dom.js";
import { Control, requiredMark } from "./fields.js";
import { label } from "./words.js";

const same = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
/** How a value says where a secret stands. */
const SECRET = "secret:<name>/<key>";
const within = (path, above) => path.length > above.length && above.every((step, at) => path[at] === step);

/** One field that is asked. */
class Asked extends Control {
  constructor(about, control, read) {
    // What is set stands in the control itself, so the hint need not repeat the default.
    super(about.path.at(-1), { ...about, kind: "choice", schema: {} }, about.required, control);
    this.read = read;
    if (about.locked) control.disabled = true;
  }

  get title() {
    return this.about.title || label(this.name);
  }

  /** Marks whether it has to be given now. */
  needs(now) {
    const mark = this.node.querySelector(".required");
    if (now === Boolean(mark)) return;
    if (mark) mark.remove();
    else this.node.querySelector("label").append(requiredMark());
    if (now) this.control.setAttribute("aria-required", "true");
    else this.control.removeAttribute("aria-required");
  }

  /** Marks what the form itself knows to be wrong: what has to be given now, and a number that is none or out of its range. */
  demand() {
    const { minimum, maximum, locked, widget, type } = this.about;
    if (locked || this.node.closest("[hidden]")) return;
    const given = this.read();
    if (given === undefined) {
      if (this.node.querySelector(".required")) this.mark("has to be given");
    } else if (widget === "number") {
      if (typeof given !== "number" || (type === "integer" && !Number.isInteger(given))) this.mark(`must be a ${type === "integer" ? "whole " : ""}number`);
      else if (given < minimum) this.mark(`must be at least ${minimum}`);
      else if (given > maximum) this.mark(`must be at most ${maximum}`);
    }
  }
}

export class ConfigForm {
  node = el("div", { class: "config" });
  #asked = new Map();
  #groups = new Map();

  /** `form` is the answer of `catalog.form`; `running` tells that its values are those that run, and `secrets` is where in the secret store secrets are read from. */
  constructor(form, running, secrets) {
    Object.assign(this, { running, secrets });
    const found = form.fields.map((one) => ({ required: false, ...one.field, ...one, path: one.field.path }));
    for (const one of turning(found)) this.#place(one, found);
    if (!found.length) this.node.append(el("p", { class: "quiet", text: "There is nothing to set." }));
    this.node.addEventListener("input", () => this.#turn());
    this.node.addEventListener("change", () => this.#turn());
    this.#turn();
  }

  #place(one, all) {
    const group = one.widget === "group" || all.some((other) => within(other.path, one.path));
    const above = this.#groups.get(key(one.path.slice(0, -1)));
    const into = above?.body ?? this.node;
    if (group) {
      const body = el("div", { class: "parts" });
      const node = el("fieldset", {}, el("legend", { text: one.title }),
        one.description ? el("p", { class: "help", text: one.description }) : null, body);
      this.#groups.set(key(one.path), { about: one, body, node });
      into.append(node);
      return;
    }
    const field = made({ ...one, description: told(one, this.secrets) });
    this.#asked.set(key(one.path), field);
    into.append(field.node);
  }

  #now(path) {
    const field = this.#asked.get(key(path));
    return field && !field.node.hidden ? field.read() : undefined;
  }

  #turn() {
    // What shows a field stands before it, so one pass is enough for a chain of conditions.
    for (const [, { about, node }] of [...this.#asked, ...this.#groups]) {
      node.hidden = !this.#hold(about.shown_when ?? []);
    }
    for (const field of this.#asked.values()) {
      const { required, required_when: ways } = field.about;
      field.needs(Boolean(required) || (ways ?? []).some((conditions) => this.#hold(conditions)));
    }
  }

  /** Returns whether conditions hold together, by what is shown and given now. */
  #hold(conditions) {
    return conditions.every(({ path, values }) => {
      const value = this.#now(path);
      return values?.length ? values.some((one) => same(one, value)) : value !== undefined;
    });
  }

  /** Returns what differs from what is set now; null takes a value away. */
  collect() {
    const found = {};
    for (const { about, node, read } of this.#asked.values()) {
      if (about.locked) continue;
      const seen = node.hidden ? undefined : read();
      const fixed = node.hidden && (!this.running || same(about.value, about.default));
      if (fixed || same(seen, about.value)) continue;
      put(found, about.path, seen ?? null);
    }
    return found;
  }

  /** Returns what was typed, for `restore` of a form of the same Blueprint. */
  typed() {
    return new Map([...this.#asked].map(([path, { control }]) => [path, control.type === "checkbox" ? control.checked : control.value]));
  }

  /** Returns what is said to be wrong, likewise. */
  said() {
    return new Map([...this.#asked].map(([path, { messages }]) => [path, messages]));
  }

  restore(typed, said) {
    for (const [path, field] of this.#asked) {
      const { control, about } = field;
      for (const message of said.get(path) ?? []) field.mark(message);
      if (!typed.has(path) || about.locked) continue;
      if (control.type === "checkbox") control.checked = typed.get(path);
      else if (control.tagName !== "SELECT" || [...control.options].some(({ value }) => value === typed.get(path))) control.value = typed.get(path);
    }
    this.#turn();
  }

  /** Returns the field that a path leads to, or to which it leads farther in; null for none. */
  at(path) {
    for (let length = path.length; length > 0; length -= 1) {
      const field = this.#asked.get(key(path.slice(0, length)));
      if (field) return field;
    }
    return null;
  }

  children() {
    return this.#asked.values();
  }

  /** Marks what it knows to be wrong. */
  demand() {
    for (const field of this.#asked.values()) field.demand();
  }

  clear() {
    for (const field of this.#asked.values()) field.clear();
  }
}

const key = (path) => JSON.stringify(path);

function put(tree, path, value) {
  let at = tree;
  for (const step of path.slice(0, -1)) {
    if (!Object.hasOwn(at, step)) Object.defineProperty(at, step, { value: {}, enumerable: true });
    at = at[step];
  }
  Object.defineProperty(at, path.at(-1), { value, enumerable: true });
}

/** Adds what other fields depend on and no field asks for: which of the alternatives it is. */
function turning(found) {
  const known = new Set(found.map(({ path }) => key(path)));
  const all = [];
  for (const one of found) {
    for (const { path } of one.shown_when ?? []) {
      if (known.has(key(path))) continue;
      known.add(key(path));
      const above = found.find((other) => key(other.path) === key(path.slice(0, -1)));
      const value = above?.value?.[path.at(-1)] ?? null;
      const conditions = found.flatMap(({ shown_when: when }) => when ?? []).filter((when) => key(when.path) === key(path));
      const values = new Set([value, ...conditions.flatMap((when) => when.values ?? [])]);
      values.delete(null);
      const about = { path, title: label(path.at(-1)), widget: "select", enum: [...values], value, default: above?.default?.[path.at(-1)] };
      const fixed = { immutable: above?.immutable, locked: above?.locked, required: false };
      all.push({ ...about, ...fixed });
    }
    all.push(one);
  }
  return all;
}

function told(one, secrets) {
  const { minimum, maximum } = one;
  const from = minimum === undefined ? "" : `From ${minimum}`;
  const range = maximum === undefined ? from : from ? `${from} to ${maximum}` : `Up to ${maximum}`;
  const none = one.widget === "application" && !one.options?.length;
  const hints = [
    one.description,
    range ? `${range}.` : "",
    one.widget === "domain" ? "A host name, such as app.example.com." : "",
    one.widget === "password" ? `Not the secret itself, but where it stands: \`${SECRET}\` is read from \`${secrets}/<name>\`, property \`<key>\`.` : "",
    one.widget === "list" && plain(one.items) ? "One on each line." : "",
    one.widget === "map" ? "JSON." : "",
    none ? `No ${one.picker?.blueprint || "Application"} runs there that could be chosen.` : "",
    one.locked ? "It cannot be changed any more." : one.immutable ? "It cannot be changed later." : "",
  ];
  return hints.filter(Boolean).join(" ");
}

const plain = (type) => ["string", "integer", "number"].includes(type);

const number = (text) => {
  const found = Number(text);
  return text.trim() !== "" && Number.isFinite(found) ? found : text;
};

function made(about) {
  const { widget, value } = about;
  if (widget === "select") return chosen(about, about.enum.map((one) => [one, String(one)]));
  if (widget === "application") {
    return chosen(about, (about.options ?? []).map((one) => [one.application, `${one.application} (${one.blueprint} ${one.version}, ${one.environment})`]));
  }
  if (widget === "switch") {
    const control = el("input", { type: "checkbox", checked: value === true });
    return new Asked(about, control, () => (control.checked || value !== null ? control.checked : undefined));
  }
  if (widget === "list" && plain(about.items)) {
    const control = el("textarea", { rows: "3", spellcheck: "false", value: (value ?? []).join("\n") });
    const lines = () => control.value.split("\n").map((line) => line.trim()).filter(Boolean);
    return new Asked(about, control, () => {
      const given = about.items === "string" ? lines() : lines().map(number);
      return given.length || value !== null ? given : undefined;
    });
  }
  if (widget === "list" || widget === "map" || widget === "group") return json(about);
  const typed = { type: "text", autocomplete: "off", spellcheck: "false" };
  if (widget === "password") typed.placeholder = SECRET;
  if (widget === "number") typed.inputmode = "decimal";
  const tall = widget === "textarea";
  const control = el(tall ? "textarea" : "input", { ...(tall ? { rows: "4" } : typed), value: value === null ? "" : String(value) });
  const read = () => (control.value === "" ? undefined : widget === "number" ? number(control.value) : control.value);
  return new Asked(about, control, read);
}

function chosen(about, options) {
  const control = el("select", {}, el("option", { value: "", text: about.required ? "choose…" : "not given" }),
    options.map(([, text], at) => el("option", { value: String(at), text })));
  const at = options.findIndex(([value]) => same(value, about.value));
  control.value = at < 0 ? "" : String(at);
  return new Asked(about, control, () => options[control.value]?.[0]);
}

function json(about) {
  const text = about.value === null ? "" : JSON.stringify(about.value, null, 2);
  const control = el("textarea", { rows: "4", spellcheck: "false", value: text });
  return new Asked(about, control, () => {
    if (control.value.trim() === "") return undefined;
    try {
      return JSON.parse(control.value);
    } catch {
      return control.value; // It goes out as it was typed, to be refused at its place.
    }
  });
}
