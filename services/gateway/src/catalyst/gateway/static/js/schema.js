// What a JSON Schema says of one value, as far as a form needs it. Pure.

/**
 * Returns `{kind, nullable, description, schema, …}` of a schema inside the document `root`.
 * Kinds: text, integer, number, boolean, choice (`values`), object (`properties`, `required`),
 * list (`items`), map (`values`), union (`tag`, `variants`), any.
 */
export function shape(schema, root) {
  const said = { default: schema.default, described: schema.description ?? "" };
  const { inner, nullable } = withoutNull(resolved(schema, root), root);
  const found = { ...kindOf(inner), schema: inner, nullable };
  found.description = said.described || inner.description || "";
  found.default = said.default;
  return found;
}

function resolved(schema, root) {
  let found = schema;
  // A chain of references is as long as the document has definitions, at most.
  for (let left = 100; found.$ref && left > 0; left -= 1) {
    found = root.$defs?.[found.$ref.replace("#/$defs/", "")] ?? {};
  }
  return found;
}

function withoutNull(schema, root) {
  if (!schema.anyOf) return { inner: schema, nullable: false };
  const others = schema.anyOf.filter((option) => option.type !== "null");
  const nullable = others.length < schema.anyOf.length;
  if (others.length === 1) return { inner: resolved(others[0], root), nullable };
  return { inner: { ...schema, anyOf: others }, nullable };
}

function kindOf(schema) {
  if (schema.enum) return { kind: "choice", values: schema.enum };
  if (schema.anyOf && schema.discriminator) {
    const { propertyName, mapping } = schema.discriminator;
    return { kind: "union", tag: propertyName, variants: mapping };
  }
  if (schema.type === "object" && schema.properties) {
    return { kind: "object", properties: schema.properties, required: schema.required ?? [] };
  }
  if (schema.type === "object" && typeof schema.additionalProperties === "object") {
    return { kind: "map", values: schema.additionalProperties };
  }
  if (schema.type === "array" && schema.items) return { kind: "list", items: schema.items };
  const plain = { string: "text", integer: "integer", number: "number", boolean: "boolean" };
  return { kind: plain[schema.type] ?? "any" };
}

/** Returns what a value means and has to be; its limits stand in the description. */
export function help({ kind, schema, description, default: usual }) {
  const parts = [];
  if (schema.format === "date-time") parts.push("such as 2027-01-31T12:00:00Z");
  if (kind === "integer" && schema.minimum === undefined) parts.push("a whole number");
  if (kind === "any") parts.push("JSON");
  const told = usual !== undefined && usual !== null && usual !== "" && typeof usual !== "object";
  if (told && kind !== "choice" && kind !== "boolean") parts.push(`otherwise ${usual}`);
  const hint = parts.join("; ");
  return description && hint ? `${description.replace(/\.$/, "")} (${hint}).` : description || hint;
}

/** Returns the steps of a JSON pointer. */
export function steps(pointer) {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}
