// Parts of a form that hold others: objects, lists, maps, alternatives, and what may be left out.

import { coded, el } from "./dom.js";
import { Choice, Field, Numeric, Raw, Text, YesNo, requiredMark } from "./fields.js";
import { shape } from "./schema.js";

const SIMPLE = {
  text: Text,
  integer: Numeric,
  number: Numeric,
  choice: Choice,
  boolean: YesNo,
  any: Raw,
};

/** Returns the part of a form for a schema inside the document `root`. */
export function build(name, schema, root, required) {
  const about = shape(schema, root);
  const clearable = about.nullable && !required && about.default === undefined;
  if (clearable) return new Clearable(name, about, () => plain(name, { ...about, description: "" }, root, required));
  const made = () => plain(name, about, root, required);
  const optional = !required && (about.kind === "object" || about.kind === "union");
  return optional ? new Optional(name, about, made) : made();
}

function plain(name, about, root, required) {
  if (about.kind === "object") return new Group(name, about, root, required);
  if (about.kind === "list") return new List(name, about, root, required);
  if (about.kind === "map") return new Entries(name, about, root, required);
  if (about.kind === "union") return new Union(name, about, root, required);
  return new SIMPLE[about.kind](name, about, required);
}

class Fieldset extends Field {
  constructor(name, about, required) {
    super(name, about, required);
    this.body = el("div", { class: "parts" });
    this.node = el("fieldset", { "aria-describedby": this.errorId },
      el("legend", { text: this.title }, required ? requiredMark() : null),
      about.description ? el("p", { class: "help" }, coded(about.description)) : null,
      this.error,
      this.body);
  }
}

/** An object: one part for each property. */
export class Group extends Fieldset {
  /** `skip` names a property whose value is settled elsewhere. */
  constructor(name, about, root, required, skip = "") {
    super(name, about, required);
    this.parts = new Map();
    const needed = (property) => about.required.includes(property);
    // What has to be given comes first.
    const names = Object.keys(about.properties).sort((one, other) => needed(other) - needed(one));
    for (const property of names) {
      if (property === skip) continue;
      const part = build(property, about.properties[property], root, needed(property));
      this.parts.set(property, part);
      this.body.append(part.node);
    }
    if (this.parts.size === 0) this.body.append(el("p", { class: "quiet", text: "Nothing to fill in." }));
  }

  children() {
    return this.parts.values();
  }

  child(step) {
    return this.parts.get(step) ?? null;
  }

  collect() {
    const found = {};
    for (const [property, part] of this.parts) {
      const value = part.collect();
      if (value !== undefined) found[property] = value;
    }
    return found;
  }
}

class Several extends Fieldset {
  entries = [];

  constructor(name, about, required) {
    super(name, about, required);
    this.adder = el("button", { type: "button", class: "small", text: `Add to ${this.title.toLowerCase()}`, on: {
      click: () => this.add().focus(),
    } });
    this.node.append(this.adder);
  }

  children() {
    return this.entries.map((entry) => entry.part);
  }

  hold(entry, ...nodes) {
    const remove = el("button", { type: "button", class: "small plain remove", text: "Remove", "aria-label": `Remove ${entry.part.title}`, on: {
      click: () => {
        this.entries.splice(this.entries.indexOf(entry), 1);
        entry.node.remove();
        this.adder.focus();
      },
    } });
    entry.node = el("div", { class: "entry" }, ...nodes, remove);
    this.entries.push(entry);
    this.body.append(entry.node);
  }
}

/** A list: parts that are added and removed. */
class List extends Several {
  constructor(name, about, root, required) {
    super(name, about, required);
    this.root = root;
    if (required) this.add();
  }

  add() {
    const part = build(singular(this.name), this.about.items, this.root, true);
    this.hold({ part }, part.node);
    return part;
  }

  child(step) {
    return this.entries[Number(step)]?.part ?? null;
  }

  collect() {
    const found = this.entries.map(({ part }) => part.collect() ?? null);
    return found.length || this.required ? found : undefined;
  }
}

/** A map from names of one's own choice. */
class Entries extends Several {
  constructor(name, about, root, required) {
    super(name, about, required);
    this.root = root;
  }

  add() {
    const key = new Text("name", { schema: {}, kind: "text" }, true);
    const part = build("value", this.about.values, this.root, true);
    this.hold({ part, key }, key.node, part.node);
    return key;
  }

  child(step) {
    return this.entries.find(({ key }) => key.collect() === step)?.part ?? null;
  }

  collect() {
    const found = this.entries.map(({ key, part }) => [key.collect() ?? "", part.collect() ?? null]);
    return found.length || this.required ? Object.fromEntries(found) : undefined;
  }
}

/** One of several objects, told apart by a property. */
class Union extends Fieldset {
  constructor(name, about, root, required) {
    super(name, about, required);
    const values = Object.keys(about.variants);
    this.root = root;
    this.choice = new Choice(about.tag, { kind: "choice", values, schema: {} }, true);
    this.holder = el("div");
    this.body.append(this.choice.node, this.holder);
    this.choice.control.addEventListener("change", () => this.turn());
  }

  turn() {
    const value = this.choice.collect();
    this.inner = null;
    if (value !== undefined) {
      const about = shape({ $ref: this.about.variants[value] }, this.root);
      this.inner = new Group(value, about, this.root, true, this.about.tag);
    }
    this.holder.replaceChildren(...(this.inner ? [this.inner.node] : []));
  }

  children() {
    return this.inner ? [this.choice, this.inner] : [this.choice];
  }

  child(step) {
    if (step === this.about.tag) return this.choice;
    return this.inner?.child(step) ?? null;
  }

  collect() {
    const value = this.choice.collect();
    return value === undefined ? {} : { [this.about.tag]: value, ...this.inner.collect() };
  }
}

/** A part that is left out until somebody adds it. */
class Optional extends Field {
  constructor(name, about, make) {
    super(name, about, false);
    this.make = make;
    this.holder = el("div");
    this.toggle = el("button", { type: "button", class: "small", "aria-expanded": "false", on: {
      click: () => {
        this.turn(!this.inner);
        if (this.inner) this.inner.focus();
      },
    } });
    this.node = el("div", { class: "optional" }, this.toggle, this.error, this.holder);
    this.turn(false);
  }

  turn(on) {
    this.inner = on ? this.make() : null;
    this.holder.replaceChildren(...(on ? [this.inner.node] : []));
    this.toggle.textContent = `${on ? "Leave out" : "Add"} ${this.title.toLowerCase()}`;
    this.toggle.setAttribute("aria-expanded", String(on));
  }

  children() {
    return this.inner ? [this.inner] : [];
  }

  locate(path) {
    return this.inner ? this.inner.locate(path) : { field: this, left: path };
  }

  collect() {
    return this.inner?.collect();
  }
}

/** A value that may be left as it is, given, or taken away. */
class Clearable extends Field {
  constructor(name, about, make) {
    super(name, about, false);
    const [keep, give, take] = ["leave as it is", "set", "take away"];
    // The text stands below the choice, so that it is read before something is set.
    this.choice = new Choice(name, { kind: "choice", values: [give, take], description: about.description, schema: {} }, false);
    this.choice.control.firstElementChild.textContent = keep;
    this.give = give;
    this.make = make;
    this.holder = el("div");
    this.node = el("div", { class: "optional" }, this.choice.node, this.error, this.holder);
    this.choice.control.addEventListener("change", () => this.turn());
  }

  turn() {
    this.inner = this.choice.collect() === this.give ? this.make() : null;
    this.holder.replaceChildren(...(this.inner ? [this.inner.node] : []));
  }

  children() {
    return this.inner ? [this.choice, this.inner] : [this.choice];
  }

  locate(path) {
    return this.inner ? this.inner.locate(path) : { field: this.choice, left: path };
  }

  collect() {
    const chosen = this.choice.collect();
    if (chosen === undefined) return undefined;
    return chosen === this.give ? (this.inner.collect() ?? "") : null;
  }
}

function singular(name) {
  if (name.endsWith("ies")) return `${name.slice(0, -3)}y`;
  return name.endsWith("s") ? name.slice(0, -1) : name;
}
