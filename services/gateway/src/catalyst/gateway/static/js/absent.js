// What an address names and no row tells of: it may be on its way still, or there is none.

import { el } from "./dom.js";
import { nothing } from "./icons.js";

/** After this, with all rows here, what no row came of is taken for what there is not. */
const ABSENT_MS = 5_000;

/** How long something has been missing among the rows that are all here. */
export class Absence {
  #since = null;

  constructor(ready) {
    this.ready = ready;
  }

  /** Whether a row that was on its way would have come. */
  get sure() {
    if (!this.ready()) return false;
    this.#since ??= performance.now();
    return performance.now() - this.#since > ABSENT_MS;
  }
}

/** Returns what is shown in its place: a sentence, and ways on to what there is. */
export function absent(text, organization) {
  const way = (name, href) => el("li", {}, el("a", { href, text: name }));
  return nothing("search", text, el("ul", {},
    way(`Applications of ${organization}`, `#/applications/${encodeURIComponent(organization)}`), way("Rows", "#/rows")));
}
