// The deletion of an Environment, or of a whole Organization: what goes, what stays, and the button that does it.

import { Absence, absent } from "./absent.js";
import { question } from "./asking.js";
import { el } from "./dom.js";
import { backTo, unread } from "./icons.js";
import { paidBy } from "./paid.js";
import { PlanView } from "./plan.js";
import { lacking } from "./refusal.js";
import { deletes } from "./rights.js";

export class DeletionPage {
  #turn = 0;
  #found = false;

  /** Without an Environment: of the whole Organization. */
  constructor(node, organization, [environment = ""], { go, inside, rows, ready, session, waiting }) {
    Object.assign(this, { organization, environment, rows });
    this.absence = new Absence(ready);
    const what = environment ? `the Environment ${environment}` : `the Organization ${organization}`;
    const title = el("h2", { text: `Delete ${what}`, tabindex: "-1" });
    this.data = el("input", { type: "checkbox" });
    this.begun = el("div");
    this.plan = new PlanView(organization, {
      // Whoever sees no changes here sees in the row of what is deleted how far it is.
      opened: (change) => (inside ? go("change", change) : this.#begun(change, what)),
      again: () => this.#ask(),
      paid: () => paidBy(rows(), organization),
      copies: () => [],
      picture: () => "",
      waiting: () => waiting(organization),
      go,
    });
    this.form = el("form", { class: "card", novalidate: true, "aria-label": "Deletion", on: {
      submit: (event) => {
        event.preventDefault();
        this.#ask();
      },
      input: () => this.#forget(),
    } }, el("label", { class: "check" }, this.data, "Delete volumes and databases as well"),
    el("p", { class: "help", text: "Otherwise they stay where they are. Once deleted, nobody brings them back." }), el("div", { class: "actions" },
      el("button", { type: "submit", class: "primary", text: "Show what would go and what would stay" }),
      el("span", { class: "quiet", text: "Nothing is deleted before you say so below the plan." })));
    this.may = deletes(session, organization, rows(), !environment);
    this.page = el("div", { class: "page" },
      backTo(inside ? "Back to Applications" : "Back to Rows", () => go(inside ? "applications" : "rows")),
      title,
      this.may ? this.form : el("p", { class: "card quiet", text: this.#whom }),
      this.begun, this.plan.node);
    node.replaceChildren(this.page);
    this.tick();
    title.focus();
  }

  stop() {
    this.#turn += 1;
  }

  /** Shows the form once the row of what is to go is here, and says so where there is none. */
  tick() {
    this.plan.tick();
    if (this.#found || !this.may) return;
    this.#found = this.rows().has(this.#key);
    this.form.hidden = !this.#found;
    if (this.#found || !this.absence.sure) return;
    this.may = false;
    this.page.append(absent(`There is no Environment '${this.environment}' in ${this.organization}.`, this.organization));
  }

  changed() {
    this.tick();
  }

  get #key() {
    const { environment, organization } = this;
    return environment ? `${organization}.${environment}.environment._.${environment}` : `${organization}._.organization._.${organization}`;
  }

  /** Says whom the deletion is for. */
  get #whom() {
    return this.environment ? `It is for whoever owns or administers ${this.organization} (the role owner or admin), or a sovereign-admin.` : "It is for a sovereign-admin.";
  }

  #forget() {
    this.#turn += 1;
    this.plan.clear();
  }

  async #ask() {
    this.#forget();
    const turn = this.#turn;
    this.plan.node.replaceChildren(el("p", { class: "quiet", role: "status", text: "Planning…" }));
    const { environment } = this;
    const request = { action: environment ? "delete-environment" : "delete-organization", environment: environment || null, keep_data: !this.data.checked };
    try {
      const found = await question("provisioning.plan", this.organization, request);
      if (turn !== this.#turn) return;
      this.plan.show(found);
      this.plan.focus();
    } catch (error) {
      if (turn !== this.#turn) return;
      // Who has no right to it gets none by trying again.
      this.plan.node.replaceChildren(lacking(error) ? el("p", { class: "notice", role: "alert", text: `You cannot plan this deletion. ${this.#whom}` })
        : unread("It cannot be planned", error, () => this.#ask()));
    }
  }

  #begun(change, what) {
    this.plan.clear();
    this.form.hidden = true;
    const row = `#${encodeURIComponent(this.#key)}`;
    this.begun.replaceChildren(el("div", { class: "card" },
      el("p", { role: "status", text: `${what[0].toUpperCase()}${what.slice(1)} is being deleted, as the change ${change}.` }),
      el("p", {}, el("a", { href: row, text: "Its row shows how far that is." }))));
  }
}

/** Returns ways to plan deletions in an Organization, folded; `go` leads to each. */
export class Deletions {
  #drawn = "";
  #list = el("ul", { class: "lines" });

  constructor(organization, go) {
    Object.assign(this, { organization, go });
    this.title = el("summary");
    this.node = el("details", { class: "card deletions" }, this.title,
      el("p", { class: "quiet", text: "First you are shown a plan of everything that goes and everything that stays." }), this.#list);
  }

  /** Offers Environments, and the Organization itself if that is `whole`; is hidden where there is nothing to offer. */
  show(environments, whole) {
    const text = [whole, ...environments].join(" ");
    if (text === this.#drawn) return;
    this.#drawn = text;
    this.node.hidden = !whole && !environments.length;
    this.title.textContent = whole ? "Delete an Environment or the Organization" : "Delete an Environment";
    const line = (what, ...names) => el("li", {}, el("span", { text: what }),
      el("button", { type: "button", class: "small danger", text: "Plan the deletion", "aria-label": `Plan the deletion of ${what}`, on: { click: () => this.go("deletion", ...names) } }));
    this.#list.replaceChildren(...environments.map((name) => line(`Environment ${name}`, name)), ...(whole ? [line(`Organization ${this.organization}`)] : []));
  }
}
