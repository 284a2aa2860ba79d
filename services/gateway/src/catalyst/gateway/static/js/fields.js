// Controls for single values: text, numbers, choices. Each knows its value and shows its error.

import { coded, el, freshId } from "./dom.js";
import { help } from "./schema.js";
import { label } from "./words.js";

/** How a reason begins that goes on from the name of what it is about. */
const GOES_ON = /^(must|has|have|is|are|can|cannot|may|needs?)\b/;

/**
 * A part of a form. `node` is what is shown; `collect` returns the value, or undefined to leave it
 * out; `child(step)` is the part that one step of a pointer leads to.
 */
export class Field {
  node = null;
  errorId = freshId("error");
  error = el("p", { class: "error", id: this.errorId });
  messages = [];

  constructor(name, about, required) {
    this.name = name;
    this.about = about;
    this.required = required;
  }

  /** What a person calls it. */
  get title() {
    return label(this.name);
  }

  collect() {
    return undefined;
  }

  child(_step) {
    return null;
  }

  children() {
    return [];
  }

  /** Marks what has to be given and is not; returns the first field of these, or null. */
  demand() {
    if (this.control && this.required && this.collect() === undefined) {
      this.mark("has to be given");
      return this;
    }
    return [...this.children()].map((child) => child.demand()).find(Boolean) ?? null;
  }

  /** Shows what is wrong with it. */
  mark(message) {
    if (!this.messages.includes(message)) this.messages.push(message);
    this.error.replaceChildren(...coded(this.#said()));
    this.control?.setAttribute("aria-invalid", "true");
    this.node.classList.add("wrong");
  }

  /** Returns what is wrong as a sentence: its label stands above, so a program's name for it is left out. */
  #said() {
    const key = `${this.about.path?.join(".") ?? this.name} `;
    const text = this.messages.map((one) => (one.startsWith(key) ? one.slice(key.length) : one)).join("; ");
    return GOES_ON.test(text) ? `It ${text}` : text;
  }

  /** Takes all errors back, those inside included. */
  clear() {
    this.messages = [];
    this.error.textContent = "";
    this.control?.removeAttribute("aria-invalid");
    this.node.classList.remove("wrong");
    for (const child of this.children()) child.clear();
  }

  /** Puts the cursor there. */
  focus() {
    (this.control ?? this.node.querySelector("input, select, textarea, button"))?.focus();
  }

  /** Returns the deepest part that a pointer's steps lead to, and the steps that are left. */
  locate(path) {
    if (path.length === 0) return { field: this, left: [] };
    const next = this.child(path[0]);
    return next ? next.locate(path.slice(1)) : { field: this, left: path };
  }
}

/** Returns the mark of what has to be given. */
export function requiredMark() {
  return el("span", { class: "required", "aria-hidden": "true", text: " *" });
}

/** One control with its label, hint and error. */
export class Control extends Field {
  constructor(name, about, required, control) {
    super(name, about, required);
    const id = freshId("field");
    const told = help(about);
    const helpId = told ? freshId("help") : "";
    control.id = id;
    control.setAttribute("aria-describedby", [helpId, this.errorId].filter(Boolean).join(" "));
    if (required) control.setAttribute("aria-required", "true");
    this.control = control;
    this.node = el("div", { class: "field" },
      el("label", { for: id, text: this.title }, required ? requiredMark() : null),
      control,
      told ? el("p", { class: "help", id: helpId }, coded(told)) : null,
      this.error);
  }
}

/** A line of text. */
export class Text extends Control {
  constructor(name, about, required) {
    super(name, about, required, el("input", { type: "text", autocomplete: "off", spellcheck: "false" }));
  }

  collect() {
    return this.control.value === "" ? undefined : this.control.value;
  }
}

/** A number; what is none goes out as it was typed, to be refused at its place. */
export class Numeric extends Control {
  constructor(name, about, required) {
    super(name, about, required, el("input", { type: "text", inputmode: "decimal", autocomplete: "off" }));
  }

  collect() {
    const text = this.control.value.trim();
    if (text === "") return undefined;
    const number = Number(text);
    const exact = Number.isFinite(number) && (!/^-?[0-9]+$/.test(text) || Number.isSafeInteger(number));
    return exact ? number : text;
  }
}

/** One of several values. */
export class Choice extends Control {
  constructor(name, about, required) {
    const usual = about.default;
    const told = usual !== undefined && usual !== null && usual !== "";
    const none = required ? "choose…" : told ? `not given: ${usual}` : "not given";
    super(name, about, required, el("select", {}, el("option", { value: "", text: none })));
    this.offer(about.values);
  }

  /** Offers other values; what was chosen stays so if it is among them. */
  offer(values) {
    const chosen = this.values?.[Number(this.control.value)];
    const kept = this.control.value !== "" && values.includes(chosen);
    this.values = values;
    this.control.replaceChildren(this.control.options[0], ...values.map((value, place) =>
      el("option", { value: String(place), text: value === "" ? "(empty)" : String(value) })));
    this.control.value = kept ? String(values.indexOf(chosen)) : "";
  }

  collect() {
    return this.control.value === "" ? undefined : this.values[Number(this.control.value)];
  }
}

/** Yes, no, or not given. */
export class YesNo extends Choice {
  constructor(name, about, required) {
    const usual = { true: "yes", false: "no" }[String(about.default)];
    super(name, { ...about, values: ["yes", "no"], default: usual }, required);
  }

  collect() {
    const found = super.collect();
    return found === undefined ? undefined : found === "yes";
  }
}

/** Whatever the schema does not describe: JSON. */
export class Raw extends Control {
  constructor(name, about, required) {
    super(name, about, required, el("textarea", { rows: "3", spellcheck: "false" }));
  }

  collect() {
    if (this.control.value.trim() === "") return undefined;
    try {
      return JSON.parse(this.control.value);
    } catch {
      return this.control.value;
    }
  }
}
