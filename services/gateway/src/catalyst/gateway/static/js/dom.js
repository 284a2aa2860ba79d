// Elements, made without markup: every text becomes a text node, whatever it holds.

/**
 * Returns a new element.
 * `props`: `class`, `text`, `on` (event → listener), `hidden`, `disabled`, `value`; anything else
 * is an attribute, left out if null or false.
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) set(node, name, value);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

const PROPERTIES = new Set(["hidden", "disabled", "value", "checked"]);

function set(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "class") node.className = value;
  else if (name === "text") node.textContent = value;
  else if (name === "on") {
    for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
  } else if (PROPERTIES.has(name)) node[name] = value;
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** Returns a text as nodes: what stands between backticks is code. */
export function coded(text) {
  return text.split(/`([^`]+)`/).map((part, place) => (place % 2 ? el("code", { text: part }) : part)).filter((part) => part !== "");
}

/** Returns the element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Sets a text only if it is another one, so that nothing is read out or laid out again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

let counter = 0;

/** Returns an id that no other element has. */
export function freshId(prefix) {
  counter += 1;
  return `${prefix}-${counter}`;
}

/** Keeps the tabs of a list working: arrows, Home, End, and one panel shown at a time. */
export function tabs(buttons) {
  const show = (chosen, focus = false) => {
    for (const button of buttons) {
      const on = button === chosen;
      button.setAttribute("aria-selected", String(on));
      button.tabIndex = on ? 0 : -1;
      byId(button.getAttribute("aria-controls")).hidden = !on;
    }
    if (focus) chosen.focus();
  };
  const step = { ArrowRight: 1, ArrowLeft: -1 };
  for (const [place, button] of buttons.entries()) {
    button.addEventListener("click", () => show(button));
    button.addEventListener("keydown", (event) => {
      let next = null;
      if (event.key in step) next = (place + step[event.key] + buttons.length) % buttons.length;
      if (event.key === "Home") next = 0;
      if (event.key === "End") next = buttons.length - 1;
      if (next === null) return;
      event.preventDefault();
      show(buttons[next], true);
    });
  }
  return show;
}
