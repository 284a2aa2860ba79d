// Why something does not move: the chain to its cause, across rows.

import { coded, el, say } from "./dom.js";
import { icon } from "./icons.js";
import { Shelves } from "./shelves.js";
import { age, counted, exact, label, place } from "./words.js";

const FOLLOWED_MAX = 20;
/** Kinds of links that lead to a row with links of its own, and codes of those that lead nowhere all the same. */
const LEADING = ["change", "application", "blueprint", "source", "organization", "onboarding"];
const HIDDEN = "not-shown";
const ENDS = ["application-needed", HIDDEN];
/** Code of a link that says what waits for its row: that is told of the row, and keeps nothing. */
const BEHIND = "change-waiting";
/** Kinds of rows that never are their own cause. */
const WAITING = ["change", "application"];
/** What the kinds of links are called; objects of a cluster have names of their own. */
const KINDS = {
  approval: "Approval of", window: "Change window of", git: "Repository of", service: "Service", cluster: "Cluster of",
  blueprint: "Blueprint", source: "Source", organization: "Organization", onboarding: "Onboarding of", policy: "EnvironmentPolicy", account: "Account of",
};

/** How long a change waits for something before that is worth telling: most answers come sooner. */
export const PATIENCE_MS = 3000;

/** What waits in an Organization, as its rows say at one moment. */
export class Waiting {
  #changes = new Map();
  #applications = new Map();
  #shelves;
  #others = new Map();
  #platform;

  /** `organization` is null for what belongs to the platform; `platform` says whether its sources are shown to the reader. */
  constructor(rows, organization, platform) {
    this.#platform = platform;
    this.#shelves = new Shelves(platform);
    for (const [key, { doc, time }] of rows) {
      const at = place(key);
      if (!doc) continue;
      const shelved = at.kind === "blueprint" || at.kind === "source";
      if (shelved && [organization, null].includes(at.organization)) this.#shelves.take(at.kind, doc);
      if (at.organization !== organization || shelved) continue;
      if (at.kind === "organization" || at.kind === "onboarding") this.#others.set(`${at.kind} ${at.name}`, doc.blocked_by ?? []);
      if (at.kind === "change") this.#changes.set(at.name, { doc, time });
      if (at.kind !== "application") continue;
      this.#applications.set(at.name, doc);
    }
  }

  /**
   * Returns the links of a row with those of the rows that they lead to, each once with its depth.
   * A link back to a change or an Application on the way would say that it waits for itself: it is left
   * out. `start` is the kind and name of the row that the links are of; those of a change or an
   * Application go to the cause already.
   */
  whole(links, start = "") {
    if (WAITING.includes(start.split(" ")[0])) return links;
    const [found, told, seen] = [[], new Map(), new Set()];
    const add = (ahead, way) => {
      for (const link of ahead) {
        const at = `${link.kind} ${link.name}`;
        if (way.includes(at) && WAITING.includes(link.kind)) continue;
        // Of what is not shown one link is enough, and the one that knows since when is the better.
        const same = `${at} ${link.code} ${link.code === HIDDEN ? "" : link.message}`;
        const before = told.get(same);
        if (!before) found.push({ ...link, depth: way.length - 1 });
        else if (!before.since && link.since) Object.assign(before, link, { depth: before.depth }); // It was said before without since when.
        told.set(same, before ?? found.at(-1));
        const leads = LEADING.includes(link.kind) && !ENDS.includes(link.code);
        if (!leads || seen.has(at) || seen.size >= FOLLOWED_MAX) continue;
        seen.add(at);
        add(this.#linksOf(link).filter(({ code }) => code !== BEHIND), [...way, at]);
      }
    };
    add(links, [start]);
    // What was told to them as not shown, the rows that they see tell better.
    return this.#platform ? found.filter(({ code }) => code !== HIDDEN) : found;
  }

  /** Returns the changes that are not over as `{doc, time}`, the oldest first; `wanted(doc)` says which. */
  open(wanted = () => true) {
    const found = [...this.#changes.values()].filter(({ doc }) => !doc.finished && wanted(doc));
    return found.sort(({ doc: one }, { doc: other }) => (one.opened < other.opened ? -1 : 1));
  }

  /** Returns what a change waits for; nothing as long as that may come any moment. */
  ofChange(one) {
    return moves(one) ? [] : one.doc.blocked_by ?? [];
  }

  /** Returns why an Application in an Environment is not as it is to be; of the change that works on it, nothing that may come any moment. */
  ofApplication(found) {
    const links = found.blocked_by ?? [];
    const change = this.#changes.get(found.change?.change);
    return change && moves(change) ? links.filter(({ depth }) => !depth) : links;
  }

  #linksOf({ kind, name }) {
    if (kind === "blueprint" || kind === "source") return this.#shelves.linksOf({ kind, name });
    if (kind === "organization" || kind === "onboarding") return this.#others.get(`${kind} ${name}`) ?? [];
    const found = kind === "change" ? [this.#changes.get(name)?.doc] : this.#applications.get(name)?.bindings ?? [];
    return found.flatMap((one) => one?.blocked_by ?? []).filter(({ depth }) => !depth);
  }
}

/** Returns whether a change has just got on, so that what it waits for may come any moment. */
function moves({ doc, time }) {
  return doc.status !== "waiting" && Date.now() - Date.parse(time) < PATIENCE_MS;
}

/** Returns whether a link is of an object in a cluster: it shows what is wrong, and leads nowhere. */
function isSymptom({ kind }) {
  return /^[A-Z]/.test(kind);
}

/** A chain as an element, which is drawn anew only if it is another one. */
export class Why {
  #drawn = "";
  #ages = [];

  /** `go` leads to the changes that a link names; `title` says what the chain is. */
  constructor(go, title = "What it waits for") {
    Object.assign(this, { go, title });
    this.node = el("div");
  }

  show(links) {
    const text = JSON.stringify(links);
    if (text !== this.#drawn) {
      this.#drawn = text;
      this.#ages = [];
      this.node.replaceChildren(...(links.length ? [this.#chain(links)] : []));
    }
    for (const { node, since } of this.#ages) say(node, `, for ${age(since, Date.now())}`);
  }

  /** The cause comes first, with what to do about it; then what it leads to, folded where that only shows it. */
  #chain(links) {
    const cause = links.at(-1);
    const rest = links.slice(0, -1);
    const others = el("ol", {}, rest.map((link) => this.#link(link, false)));
    const folded = rest.every(isSymptom);
    return el("div", { class: "why" },
      el("h4", {}, icon(isSymptom(cause) ? "warning" : "clock"), isSymptom(cause) ? "What is wrong" : this.title),
      el("ol", {}, this.#link({ ...cause, depth: 0 }, rest.length > 0)),
      !rest.length ? null : folded ? el("details", {}, el("summary", { text: `How else it shows: ${counted(rest.length, "object")}` }), others)
        : el("div", {}, el("p", { class: "quiet led", text: "What leads there:" }), others));
  }

  #link({ kind, name, message, since, who, what_to_do: todo, depth }, first) {
    const old = el("span", { title: since ? exact(since) : null });
    if (since) this.#ages.push({ node: old, since });
    // What the sentence names is not named twice, unless there is somewhere to go.
    const named = kind === "change"
      ? el("button", { type: "button", class: "link", text: name, on: { click: () => this.go("change", name) } })
      : message.includes(name) ? null : `${Object.hasOwn(KINDS, kind) ? KINDS[kind] : label(kind)} ${name}`;
    return el("li", depth ? { class: `below-${Math.min(depth, 3)}` } : {},
      el("p", {}, first ? el("span", { class: "badge warn", text: "the cause" }) : null, first ? " " : null, coded(message), old),
      named ? el("p", { class: "quiet" }, named) : null,
      el("p", { class: "quiet" }, coded(who ? `${who}: ${todo}` : todo)));
  }
}
