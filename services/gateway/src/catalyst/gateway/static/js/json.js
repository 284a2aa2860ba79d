// JSON as coloured text; every piece is a text node.

import { el } from "./dom.js";

const STEP = "  ";

/** Returns a value as a block of JSON. */
export function block(value) {
  const code = el("code");
  write(code, value, "");
  return el("pre", { class: "json", tabindex: "0" }, code);
}

function write(code, value, indent) {
  if (Array.isArray(value)) {
    const items = value.map((item) => [null, item]);
    nested(code, items, indent, "[", "]");
  } else if (value !== null && typeof value === "object") {
    nested(code, Object.entries(value), indent, "{", "}");
  } else {
    const kind = value === null ? "null" : typeof value;
    code.append(el("span", { class: `json-${kind}`, text: JSON.stringify(value) }));
  }
}

function nested(code, entries, indent, open, close) {
  if (entries.length === 0) {
    code.append(open + close);
    return;
  }
  const inner = indent + STEP;
  code.append(`${open}\n`);
  for (const [place, [name, value]] of entries.entries()) {
    code.append(inner);
    if (name !== null) code.append(el("span", { class: "json-key", text: JSON.stringify(name) }), ": ");
    write(code, value, inner);
    code.append(place === entries.length - 1 ? "\n" : ",\n");
  }
  code.append(indent + close);
}
