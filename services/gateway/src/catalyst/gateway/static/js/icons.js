// Drawn icons: lines in the colour of the text around them, always beside words that say the same.

import { el } from "./dom.js";
import { lacking, unreadable } from "./refusal.js";

const SVG = "http://www.w3.org/2000/svg";

/** Each as the data of one path in a square of 24. */
const PATHS = {
  back: "M19 12H5M11 6l-6 6 6 6",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l2 2H4zM10 21h4",
  bolt: "M13 3 5 14h6l-1 7 8-11h-6z",
  book: "M12 6c-2-1.6-4.7-2-8-2v14c3.3 0 6 .4 8 2 2-1.6 4.7-2 8-2V4c-3.3 0-6 .4-8 2zM12 6v14",
  box: "m4 8 8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8",
  branch: "M7 4v12M7 20a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM17 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM17 8c0 5-10 3-10 8",
  chart: "M4 4v16h16M8 16v-4M12 16V8M16 16v-6",
  chat: "M4 5h16v11H10l-5 4v-4H4z",
  check: "m5 12.5 4.5 4.5L19 7.5",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
  cloud: "M7 18a4 4 0 0 1-.5-8A6 6 0 0 1 18 9.5a4.3 4.3 0 0 1-.5 8.5z",
  cross: "m6 6 12 12M18 6 6 18",
  database: "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",
  flow: "M4 5h6v6H4zM14 13h6v6h-6zM10 8h7v5M7 11v5h7",
  grid: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  key: "M8 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 12h9v4M17 12v3",
  layers: "m12 4-9 5 9 5 9-5zM3 14l9 5 9-5",
  lines: "M5 6h14M5 10h10M5 14h14M5 18h8",
  list: "M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01",
  lock: "M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3",
  mail: "M4 6h16v12H4zM4 7l8 6 8-6",
  pen: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-4 2.5-6 6-6s6 2 6 6M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14.5c2 .8 3 2.6 3 5.5",
  plus: "M12 5v14M5 12h14",
  pulse: "M3 12h4l3-8 4 16 3-8h4",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4 4",
  sparkle: "m11 4 2 6 6 2-6 2-2 6-2-6-6-2 6-2zM19 3v4M17 5h4",
  ticket: "M4 7h16v3a2 2 0 0 0 0 4v3H4v-3a2 2 0 0 0 0-4zM14 7v10",
  undo: "M4 10h10a5 5 0 0 1 0 10h-4M4 10l4-4M4 10l4 4",
  up: "M12 20V5M6 11l6-6 6 6",
  wallet: "M4 7h16v12H4zM4 7V6a2 2 0 0 1 2-2h11v3M16 13h4",
  warning: "M12 4 2.5 20h19zM12 10v4M12 17h.01",
};

/** What a Blueprint says of itself, and the icon that stands for it; the first that fits. */
const MEANT = [
  ["wiki", "book"], ["cms", "pen"], ["wordpress", "pen"], ["bundle", "people"], ["suite", "people"],
  ["chat", "chat"], ["mattermost", "chat"], ["database", "database"], ["postgres", "database"],
  ["mariadb", "database"], ["cache", "bolt"], ["redis", "bolt"], ["valkey", "bolt"],
  ["dashboards", "chart"], ["grafana", "chart"], ["analytics", "chart"], ["umami", "chart"],
  ["logs", "lines"], ["loki", "lines"], ["metrics", "pulse"], ["prometheus", "pulse"],
  ["identity", "key"], ["keycloak", "key"], ["git", "branch"], ["forgejo", "branch"],
  ["automation", "flow"], ["n8n", "flow"], ["mail", "mail"], ["mailpit", "mail"],
  ["passwords", "lock"], ["vaultwarden", "lock"], ["ai", "sparkle"], ["litellm", "sparkle"],
  ["s3", "box"], ["store", "box"], ["files", "cloud"], ["nextcloud", "cloud"],
];
const HUES = 6;
/** What is asked for where it is not known whether there is a picture. */
const UNKNOWN = "icon.svg";

/** Returns an icon; whoever hears the page hears nothing of it. */
export function icon(name) {
  const node = document.createElementNS(SVG, "svg");
  node.setAttribute("class", "icon");
  node.setAttribute("viewBox", "0 0 24 24");
  node.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  node.append(path);
  return node;
}

/** A picture among the files of a Blueprint; what is elsewhere is not asked for, nor told who looks. */
const OWN = /^(\.\/)?[A-Za-z0-9_@+.-]+(\/[A-Za-z0-9_@+.-]+)*\.(svg|png|webp|jpe?g)$/i;

/** Returns where the picture is that a version's card names; empty: it has none. */
export function picture(organization, name, version, named) {
  if (!OWN.test(named ?? "")) return "";
  return `/v1/icons/${encodeURIComponent(name)}?${new URLSearchParams({ organization, version })}`;
}

/**
 * Returns where the picture is of what runs, or is to: `{origin, blueprint, version}`. Members of an
 * Organization may see a Blueprint without its row, which would say whether it has one.
 */
export function pictureOf(rows, organization, { origin, blueprint, version }) {
  const owner = origin === "private" ? organization : "_";
  const row = rows.get(`${owner}._.blueprint._.${origin}-${blueprint}`);
  return picture(organization, blueprint, version, row ? row.doc?.card.icon : UNKNOWN);
}

/**
 * Returns what stands for a Blueprint: its own picture, else an icon if its words have one, else its
 * first letters. A picture is an image and nothing else: whatever it holds, nothing of it runs.
 */
export function emblem(title, words, address = "") {
  const known = new Set(words.map((word) => word.toLowerCase()));
  const found = MEANT.find(([word]) => known.has(word));
  const letters = [...title.replace(/^bp-/, "")].filter((letter) => /[\p{L}\p{N}]/u.test(letter)).slice(0, 2);
  const inside = found ? icon(found[1]) : letters.join("").toUpperCase() || "?";
  const node = el("span", { class: "emblem", "aria-hidden": "true", "data-hue": hue(found?.[1] ?? title) }, inside);
  if (address) node.replaceChildren(pictured(address, () => node.replaceChildren(inside)));
  return node;
}

/** Pictures that are on their way: the browser goes on to ask for one that was drawn over meanwhile. */
const coming = new Set();

function pictured(address, failed) {
  const image = el("img", { src: address, alt: "", on: {
    load: () => coming.delete(image),
    error: () => {
      coming.delete(image);
      failed();
    },
  } });
  coming.add(image);
  return image;
}

/** What is not seen any more is not asked for any more, least of all once somebody signed out. */
export function callOff() {
  for (const image of coming) image.removeAttribute("src");
  coming.clear();
}

/** Returns what stands for what runs, by the name of its Blueprint. */
export function emblemOf(blueprint, address = "") {
  return emblem(blueprint, blueprint.split("-"), address);
}

function hue(text) {
  let sum = 0;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return sum % HUES;
}

/** Returns what is shown where nothing is: an icon, one sentence, and what can be done. */
export function nothing(name, text, ...more) {
  return el("div", { class: "empty" }, el("span", { class: "empty-icon" }, icon(name)), el("p", { text }), ...more);
}

/** Returns what is shown where `what` (as "The form cannot be read"); `again` tries once more, where that can help. */
export function unread(what, error, again) {
  return el("div", { class: "unread", role: "alert" }, icon("warning"), el("p", { text: unreadable(what, error) }),
    lacking(error) ? null : el("button", { type: "button", class: "small", text: "Try again", on: { click: again } }));
}

/** Returns the button that leads to the view above. */
export function backTo(text, go) {
  return el("button", { type: "button", class: "back", on: { click: go } }, icon("back"), text);
}
