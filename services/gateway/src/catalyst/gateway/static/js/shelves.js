// Blueprints and sources that the reader sees, and where links to them lead.

const KEEPER = "whoever keeps the source";

/** The same rules as `Shelves` of the contracts' `blocked_blueprint`; rows that are not shown lead nowhere. */
export class Shelves {
  #blueprints = [];
  #sources = [];
  #platform;

  /** `platform` says whether the platform's sources are shown to the reader. */
  constructor(platform) {
    this.#platform = platform;
  }

  /** Takes over the document of a row of kind `blueprint` or `source`. */
  take(kind, doc) {
    (kind === "source" ? this.#sources : this.#blueprints).push(doc);
  }

  linksOf({ kind, name }) {
    if (kind === "blueprint") return this.#behind(name);
    return this.#sources.find((one) => one.name === name && one.blocked_by?.length)?.blocked_by ?? [];
  }

  /** Returns why a Blueprint that is waited for is not there, as far as sources tell. */
  #behind(name) {
    const known = this.#blueprints.filter((one) => one.name === name);
    const waits = known.flatMap((one) => one.blocked_by ?? []);
    const from = new Set(known.flatMap((one) => one.versions.map(({ source }) => at(one.organization, source))));
    const told = this.#sources.flatMap((source) => [
      ...(source.refused ?? []).filter(({ blueprint }) => blueprint === name).map((one) => refused(source.name, one)),
      // What is known comes from where it came from before; what is not may be anywhere.
      ...(!from.size || from.has(at(source.organization, source.name)) ? source.blocked_by ?? [] : []),
    ]);
    const silent = !waits.length && !told.length && !this.#platform && !known.some(({ organization }) => organization);
    return [...waits, ...told, ...(silent ? [hidden(name)] : [])];
  }
}

function at(organization, source) {
  return `${organization ?? "_"} ${source}`;
}

function refused(source, { blueprint, version, folder, findings }) {
  const wrong = findings.find(({ severity }) => severity === "error")?.message;
  return {
    kind: "source",
    name: source,
    code: "package-refused",
    message: `${source} holds ${`${blueprint} ${version}`.trimEnd()}, which is not taken${wrong ? `: ${wrong}` : ""}`,
    since: null,
    who: KEEPER,
    what_to_do: `correct the package in ${folder || "the source"}, then \`catalyst source sync ${source}\``,
  };
}

function hidden(name) {
  return {
    kind: "source",
    name: "platform",
    code: "not-shown",
    message: `${name} may come from a source of the platform, which is not shown here`,
    since: null,
    who: "whoever runs Catalyst",
    what_to_do: `ask them whether they read ${name} from anywhere`,
  };
}
