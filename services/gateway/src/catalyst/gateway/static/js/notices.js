// What was said against what runs (a version that was yanked, a Blueprint withdrawn or deprecated), and what is newer.

import { question } from "./asking.js";
import { el } from "./dom.js";
import { unreadable } from "./refusal.js";

const AGAIN_MS = 60_000; // To yank a version changes no row of those who run it.

export class Notices {
  #known = [];
  #upgrades = [];
  #seen = "";
  #at = 0;
  #asking = false;
  #problem = "";
  #abort = new AbortController();

  /** `told()` is called when there is another answer; `application` empty: of all that run. */
  constructor(organization, application, told) {
    Object.assign(this, { organization, application, told });
  }

  stop() {
    this.#abort.abort();
  }

  /** Asks if something else runs than before, and once a minute; `running` says what runs, as text. */
  look(running) {
    if (!running || this.#asking || (running === this.#seen && Date.now() - this.#at < AGAIN_MS)) return;
    this.#seen = running;
    this.#at = Date.now();
    this.#ask();
  }

  async #ask() {
    this.#asking = true;
    try {
      const found = await question("catalog.notices", this.organization, { application: this.application }, this.#abort.signal);
      this.#known = found.applications;
      this.#upgrades = found.upgrades ?? [];
      this.#problem = "";
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#problem = unreadable("Whether any of it was taken back cannot be read", error);
    } finally {
      this.#asking = false;
    }
    if (!this.#abort.signal.aborted) this.told();
  }

  /** Returns the newest version that what runs can be upgraded to; empty if there is none, or that is not known. */
  newest(application, environment, desired) {
    return of(this.#upgrades, application, environment, desired)?.newest ?? "";
  }

  /** Shows in a node what has to be known of what runs; drawn anew only if it is something else. */
  show(node, application, environment, desired) {
    const mine = of(this.#known, application, environment, desired);
    const texts = (mine?.notices ?? []).map((one) => words(one, mine));
    if (desired && this.#problem) texts.push(this.#problem);
    if (node.dataset.told === texts.join("\n")) return;
    node.dataset.told = texts.join("\n");
    node.replaceChildren(...texts.map((text) => el("p", { class: "notice", text })));
  }
}

/** Returns what is known of what runs; undefined if nothing is, or of another version alone. */
function of(known, application, environment, desired) {
  return known.find((one) => one.application === application && one.environment === environment && one.version === desired?.version);
}

/** Returns what was said against a version of a Blueprint, with the reason. */
export function words({ mark, reason, security, replacement }, { blueprint, version }) {
  const what = {
    yanked: security ? `Version ${version} was taken back, because whoever runs it is in danger` : `Version ${version} was taken back`,
    outdated: `Version ${version} would not be registered any more`,
    withdrawn: `${blueprint} is no longer in the catalogue`,
    deprecated: `${blueprint} is advised against`,
  };
  return `${what[mark]}: ${reason}${replacement ? `; ${replacement} instead` : ""}`;
}
