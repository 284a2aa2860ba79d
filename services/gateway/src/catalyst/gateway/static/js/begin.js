// The way to the first Application of an Organization: what is done, and what comes next.

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { ENVIRONMENT, redeemsVouchers } from "./rights.js";
import { place } from "./words.js";

/** Returns the steps as `{done, optional, name, text, button}`; `button` is `{text, press}` or null. Rows say what is done. */
function stepsOf(organization, { go, make, may, rows, session }) {
  let [ready, environments, credit] = [false, 0, false];
  for (const [key, { doc }] of rows()) {
    const at = place(key);
    if (at.organization !== organization || !doc) continue;
    if (at.kind === "organization") ready = doc.phase === "ready";
    if (at.kind === "environment") environments += 1;
    if (at.kind === "account") credit = doc.balances.some(({ available }) => available > 0);
  }
  const target = { organization, aggregate: "environment", id: `${organization}-prod` };
  return [
    { done: ready, name: `${organization} is ready`, text: "Its home in Git and its rights are made when it is created.", button: null },
    { done: environments > 0, name: "An Environment to run in", text: "Such as one for production, in a region of yours.",
      button: may(ENVIRONMENT, organization) ? { text: "Make an Environment", press: () => make(ENVIRONMENT, target) } : null },
    { done: credit, optional: true, name: "Credit, for what has a price", text: "A voucher brings it, or whoever keeps the books.",
      button: redeemsVouchers(session, organization) ? { text: "Redeem a voucher", press: () => go("balance") } : null },
    { done: false, name: "The first Application", text: "Choose one, look at its plan and its price, and apply it.",
      button: { text: "Open the catalogue", press: () => go("catalogue") } },
  ];
}

/** Returns the way from where there is no Organization yet; `create()` leads to the form of one. */
export function firstSteps(create) {
  const steps = [
    { name: "An Organization", text: "Whose things run, who may change them, and who pays.", button: { text: "Create an Organization", press: create } },
    { name: "An Environment to run in", text: "Such as one for production, in a region of yours.", button: null },
    { name: "The first Application", text: "Choose one in the catalogue, look at its plan and its price, and apply it.", button: null },
  ];
  return el("section", { class: "card empty-start", "aria-label": "How to begin" },
    el("h2", { text: "There is no Organization yet" }), el("ol", { class: "change-steps begin" }, lines(steps)));
}

/** Returns steps as lines of a list; the first that is left and can be taken stands out. */
function lines(steps) {
  const next = steps.find(({ done, optional, button }) => !done && !optional && button);
  return steps.map((step) => el("li", { class: `change-step ${step.done ? "done" : "pending"}` },
    el("span", { class: "sign" }, step.done ? icon("check") : null),
    el("div", {}, el("p", {}, el("strong", { text: step.name }), step.done ? el("span", { class: "unseen", text: " (done)" }) : step.optional ? el("span", { class: "quiet", text: " (can wait until a plan asks for it)" }) : null),
      el("p", { class: "quiet", text: step.text })),
    step.button && !step.done ? el("button", { type: "button", class: step === next ? "primary" : "", text: step.button.text, on: { click: step.button.press } }) : null));
}

/** What is shown where nothing runs yet. */
export class Beginning {
  #drawn = "";

  constructor(organization, tools) {
    Object.assign(this, { organization, tools });
    this.list = el("ol", { class: "change-steps begin" });
    this.node = el("section", { class: "card empty-start", "aria-label": "How to begin" },
      el("h3", { text: "Nothing runs here yet" }), this.list);
  }

  draw() {
    const steps = stepsOf(this.organization, this.tools);
    const text = JSON.stringify(steps);
    if (text === this.#drawn) return;
    this.#drawn = text;
    this.list.replaceChildren(...lines(steps));
  }
}
