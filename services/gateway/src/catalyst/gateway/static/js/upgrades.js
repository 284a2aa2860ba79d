// What one Application can be upgraded to, and why it is not upgraded to what else is newer.

import { question } from "./asking.js";
import { coded, el } from "./dom.js";
import { icon, unread } from "./icons.js";

const NAMED = 3; // So many versions that cannot be had are named, as at the command line.

export class Upgrades {
  node = el("div", { class: "upgrades" });
  #drawn = "";
  #abort = new AbortController();

  /** `about`: `{organization, application, environment, blueprint, version}` of what runs; `plan(version)` plans the upgrade to a version. */
  constructor(about, plan) {
    Object.assign(this, { about, plan });
  }

  stop() {
    this.#abort.abort();
  }

  /** Asks again: a version comes, or is taken back, without a row of those who run another. */
  async read() {
    this.#abort.abort();
    this.#abort = new AbortController();
    const { organization, blueprint, environment, application } = this.about;
    let found;
    try {
      found = await question("catalog.versions", organization, { blueprint, environment, application }, this.#abort.signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#drawn = "";
      this.node.replaceChildren(unread("Its versions cannot be read", error, () => this.read()));
      return;
    }
    const text = JSON.stringify(found.versions);
    if (text === this.#drawn) return;
    this.#drawn = text;
    this.#draw(found.versions);
  }

  #draw(versions) {
    const { version: runs } = this.about;
    const focused = this.node.contains(document.activeElement) ? document.activeElement.dataset.version : "";
    const newer = versions.filter(({ upgradable, version }) => upgradable && version !== runs);
    const why = passed(versions, runs).map((one) => (one.upgrade_reason.includes(one.version) ? one.upgrade_reason : `${one.version}: ${one.upgrade_reason}`));
    const more = why.length - NAMED;
    const lines = [...why.slice(0, NAMED), ...(more > 0 ? [`and ${more} more`] : [])];
    this.node.replaceChildren(
      newer.length ? el("div", { class: "actions" }, newer.map(({ version }) => el("button", { type: "button", class: "primary", "data-version": version, on: {
        click: () => this.plan(version),
      } }, icon("up"), `Plan the upgrade to ${version}`)))
        : el("p", { class: "quiet", text: "There is no version to upgrade to." }),
      lines.length ? el("div", { class: "part" }, el("h4", { text: "Newer, but not for this one" }), el("ul", {}, lines.map((one) => el("li", {}, coded(one))))) : "");
    if (focused) [...this.node.querySelectorAll("button")].find(({ dataset }) => dataset.version === focused)?.focus();
  }
}

/** Returns those of all versions, the newest first, that are newer than what runs and are refused to it; a pre-release is meant for who runs one alone. */
function passed(versions, runs) {
  const at = versions.findIndex(({ version }) => version === runs);
  const early = versions[at]?.prerelease;
  return versions.slice(0, Math.max(at, 0)).filter(({ upgradable, prerelease }) => upgradable === false && (early || !prerelease));
}
