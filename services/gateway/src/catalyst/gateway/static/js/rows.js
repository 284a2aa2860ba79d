// The table of live rows: filtered, sorted by Organization with the chosen one first, changed in place.

import { byId, el, say } from "./dom.js";
import { KINDS, STATES, called } from "./kinds.js";
import { age, counted, exact, label, place, staleReason } from "./words.js";

const PAGE = 100; // Lines at a time: each is laid out anew with every letter in the filter.
const RENDER_MS = 30;

/** Returns a document in a few words; a document of an unknown shape has none. */
function summary(kind, doc) {
  if (!doc) return "nothing yet";
  if (!Object.hasOwn(STATES, kind)) return "";
  try {
    return STATES[kind](doc).filter(Boolean).join(" · ");
  } catch {
    return ""; // A newer server's document: it is shown whole, beside the table.
  }
}

const ONE = new Map(KINDS.map(([kind, , one]) => [kind, one]));
const RANK = new Map(KINDS.map(([kind], rank) => [kind, rank]));

/** Sorts by Organization, `first` before all others; in it, the Organization itself stands first. */
const byPlace = (first) => (a, b) => {
  const [one, other] = [a, b].map(({ organization }) => (first && organization === first ? 0 : 1));
  return (
    one - other
    || compared(a.organization ?? "", b.organization ?? "")
    || (RANK.get(a.kind) ?? RANK.size) - (RANK.get(b.kind) ?? RANK.size)
    || compared(a.name, b.name)
    || compared(a.key, b.key)
  );
};

/** Returns all text in a row, worked out once for each change of it. */
function textOf(at, value) {
  if (at.value !== value) {
    at.value = value;
    at.text = `${at.name} ${at.organization ?? ""} ${at.kind} ${JSON.stringify(value)}`.toLowerCase();
  }
  return at.text;
}

function compared(one, other) {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

const WARNINGS = new Set(["suspended", "failed", "failing", "undoing", "revoked", "void", "yanked", "withdrawn"]);
const BUSY = new Set(["onboarding", "running", "waiting", "reading", "started", "reserved", "draft"]);

function mood(kind, doc) {
  const word = summary(kind, doc).split(" · ")[0];
  if (WARNINGS.has(word)) return "bad";
  return BUSY.has(word) ? "busy" : "";
}

export class RowTable {
  /** Key of the chosen row; empty for none. */
  chosen = "";
  #rows = new Map();
  #lines = new Map();
  #known = new Map();
  /** What is known of every row, in the order in which they are shown; null: it has to be sorted. */
  #order = null;
  #kind = "";
  #first = "";
  #limit = PAGE;
  #timer = null;
  #changed = new Set();
  #choose;
  #body = byId("rows").tBodies[0];
  #member;

  /** `choose(key)` is called when somebody picks a row; `member()` says whether they have a role anywhere. */
  constructor(choose, member) {
    this.#choose = choose;
    this.#member = member;
    this.#kindChoice();
    byId("filter").addEventListener("input", () => this.#anew());
    byId("only-stale").addEventListener("change", () => this.#anew());
    byId("more-rows").lastElementChild.addEventListener("click", () => this.#more());
    this.#body.addEventListener("click", (event) => {
      const line = event.target.closest("tr");
      if (line && !getSelection().toString()) this.#pick(line.dataset.key);
    });
    this.#body.addEventListener("keydown", (event) => this.#walk(event));
    setInterval(() => this.#ages(), 1000);
  }

  /** Shows these rows; `keys` names those that changed, null means all. */
  show(rows, keys) {
    this.#rows = rows;
    if (keys === null) {
      this.#known.clear();
      this.#order = null;
    }
    for (const key of keys ?? []) {
      if (!rows.has(key)) this.#known.delete(key);
      if (!rows.has(key) || !this.#known.has(key)) this.#order = null;
      this.#changed.add(key);
    }
    this.#soon();
  }

  /** Puts the rows of an Organization before all others; empty: none. */
  lead(organization) {
    if (organization === this.#first) return;
    this.#first = organization;
    this.#order = null;
    this.#soon();
  }

  /** Marks a row as chosen, without asking back. */
  mark(key) {
    this.chosen = key;
    for (const [other, line] of this.#lines) line.classList.toggle("chosen", other === key);
  }

  /** Puts the cursor on the chosen row again, where it came from. */
  back() {
    (this.#lines.get(this.chosen)?.querySelector("button") ?? byId("filter")).focus();
  }

  /** Offers the kinds twice, as buttons and as a list: of these a window shows what it has room for. */
  #kindChoice() {
    const select = byId("kind");
    const choose = (kind) => {
      this.#kind = kind;
      this.#anew();
    };
    for (const [kind, plural] of [["", "All"], ...KINDS]) {
      byId("kinds").append(
        el("button", { type: "button", class: "chip", "data-kind": kind, on: { click: () => choose(kind) } },
          el("span", { text: plural }), " ", el("span", { class: "count" })),
      );
      select.append(el("option", { value: kind, "data-name": plural, text: plural }));
    }
    select.addEventListener("change", () => choose(select.value));
  }

  /** Something else is looked for: it is shown from its beginning. */
  #anew() {
    this.#limit = PAGE;
    this.#soon();
  }

  /** Shows the next lines, with the cursor on the first of them. */
  #more() {
    const last = this.#body.lastElementChild;
    this.#limit += PAGE;
    this.#render();
    (last?.nextElementSibling ?? last)?.querySelector("button").focus();
  }

  #soon() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#render();
    }, RENDER_MS);
  }

  #render() {
    const wanted = byId("filter").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const onlyStale = byId("only-stale").checked;
    const counts = new Map();
    const found = [];
    for (const at of this.#ordered()) {
      const value = this.#rows.get(at.key);
      if ((onlyStale && !value.stale) || !wanted.every((word) => textOf(at, value).includes(word))) continue;
      counts.set(at.kind, (counts.get(at.kind) ?? 0) + 1);
      if (!this.#kind || at.kind === this.#kind) found.push(at);
    }
    this.#arrange(found.slice(0, this.#limit).map(({ key }) => key));
    this.#count(found.length, counts);
    this.#changed.clear();
  }

  /** Returns every row's place, sorted; that is done again only when rows came or went. */
  #ordered() {
    if (this.#order) return this.#order;
    for (const key of this.#rows.keys()) {
      if (!this.#known.has(key)) this.#known.set(key, { ...place(key), key, value: null, text: "" });
    }
    this.#order = [...this.#known.values()].sort(byPlace(this.#first));
    return this.#order;
  }

  /** Makes the table hold exactly these keys, in this order; lines that stay are not replaced. */
  #arrange(keys) {
    const wanted = new Set(keys);
    for (const [key, line] of this.#lines) {
      if (wanted.has(key)) continue;
      line.remove();
      this.#lines.delete(key);
    }
    let next = this.#body.firstElementChild;
    for (const key of keys) {
      let line = this.#lines.get(key);
      const value = this.#rows.get(key);
      if (!line) {
        line = this.#line(key);
        this.#lines.set(key, line);
      }
      if (line.shown !== value) this.#fill(line, key, value);
      if (line === next) next = line.nextElementSibling;
      else this.#body.insertBefore(line, next);
    }
  }

  #line(key) {
    const { organization, kind, name } = place(key);
    const within = organization && organization !== name ? organization : "";
    const line = el("tr", { "data-key": key, class: key === this.chosen ? "chosen" : "" },
      el("th", { scope: "row" },
        el("button", { type: "button", class: "name" }),
        el("span", { class: "within", text: within })),
      el("td", { class: "kind", "data-label": "Kind", text: ONE.get(kind) ?? label(kind) }),
      el("td", { class: "doing", "data-label": "State" },
        el("span", { class: "badge stale", hidden: true }), el("span", { class: "summary" })),
      el("td", { class: "number", "data-label": "Sequence" }),
      el("td", { class: "number age", "data-label": "Age" }));
    return line;
  }

  #fill(line, key, value) {
    const at = place(key);
    const { kind } = at;
    const [named, , doing, sequence, old] = line.cells;
    say(named.firstElementChild, called(at, value.doc));
    const [badge, text] = doing.children;
    badge.hidden = !value.stale;
    if (value.stale) say(badge, `stale since ${age(value.stale.since, Date.now())}: ${staleReason(value.stale)}`);
    say(text, summary(kind, value.doc));
    text.className = `summary ${mood(kind, value.doc)}`;
    say(sequence, String(value.seq));
    say(old, age(value.time, Date.now()));
    old.title = exact(value.time);
    const moved = line.shown ? line.shown.seq !== value.seq : this.#changed.has(key);
    line.shown = value;
    if (moved) flash(line);
  }

  #ages() {
    const now = Date.now();
    for (const line of this.#lines.values()) {
      const { time, stale } = line.shown;
      say(line.cells[4], age(time, now));
      if (stale) say(line.cells[2].firstElementChild, `stale since ${age(stale.since, now)}: ${staleReason(stale)}`);
    }
  }

  #count(found, counts) {
    const total = this.#rows.size;
    const shown = Math.min(found, this.#limit);
    say(byId("list-count"), shown === total ? counted(total, "row") : `${shown} of ${counted(total, "row")}`);
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const number = (kind) => String(kind ? (counts.get(kind) ?? 0) : all);
    for (const button of byId("kinds").children) {
      const kind = button.dataset.kind;
      button.setAttribute("aria-pressed", String(kind === this.#kind));
      say(button.lastElementChild, number(kind));
    }
    const select = byId("kind");
    for (const option of select.options) say(option, `${option.dataset.name} (${number(option.value)})`);
    if (select.value !== this.#kind) select.value = this.#kind;
    const empty = byId("empty");
    empty.hidden = found > 0;
    const none = this.#member() ? "Nothing here yet. Send a command to begin." : "You have no role in any Organization. Whoever owns one can add you.";
    say(empty, total ? "No row matches the filter." : none);
    const more = byId("more-rows");
    more.hidden = found <= shown;
    say(more.firstElementChild, `${found - shown} more are not shown here: the filter finds them.`);
    say(more.lastElementChild, `Show ${Math.min(PAGE, found - shown)} more`);
  }

  #pick(key) {
    this.mark(key);
    this.#choose(key);
  }

  #walk(event) {
    const line = event.target.closest("tr");
    const steps = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" };
    if (!line || !Object.hasOwn(steps, event.key)) return;
    const next = line[steps[event.key]];
    const more = event.key === "ArrowDown" && !byId("more-rows").hidden;
    if (!next && !more) return;
    event.preventDefault();
    if (next) next.querySelector("button").focus();
    else this.#more();
  }
}

function flash(line) {
  // Two names for one animation: turning from one to the other begins it anew.
  const again = line.classList.contains("fresh");
  line.classList.toggle("fresh", !again);
  line.classList.toggle("fresh-again", again);
}
