// Writes src/protocol/generated.ts and generated-shapes.ts from the JSON Schema
// that the Go structs give (workflows/event/schema). `--check` writes nothing
// and fails where a file on disk differs.
import { readFile, writeFile } from "node:fs/promises";
import { compile } from "json-schema-to-typescript";

const source = new URL("../../workflows/event/schema/protocol.json", import.meta.url);
const target = (name) => new URL(`../src/protocol/${name}`, import.meta.url);
const banner =
  "// Generated from workflows/event/schema/protocol.json by `npm run generate`. Do not edit.\n\n";

/** The types: one interface per struct, a union for each family of frames. */
async function types(schema) {
  const { "x-vigil": facts, ...plain } = schema;
  const body = await compile(withoutSiblings({ ...plain, title: "Root" }), "Root", {
    bannerComment: "",
    unreachableDefinitions: true,
    additionalProperties: false,
    format: true,
    style: { printWidth: 100 },
  });
  const withoutRoot = body.replace(/\/\*\*(?:(?!\*\/)[\s\S])*\*\/\nexport interface Root \{[^}]*\}\n/, "");
  return banner + withoutRoot.replace(/\n \*\n \* This interface was referenced by[^\n]*\n \* via the `definition`[^\n]*/g, "")
    .replace(/\/\*\*\n \* This interface was referenced by[^\n]*\n \* via the `definition`[^\n]*\n \*\/\n/g, "") + constants(schema, facts);
}

/** A description beside a $ref would make the compiler copy the definition under a second name. */
function withoutSiblings(node) {
  if (Array.isArray(node)) return node.map(withoutSiblings);
  if (typeof node !== "object" || node === null) return node;
  if (typeof node.$ref === "string") return { $ref: node.$ref };
  if (node.prefixItems) return { ...node, prefixItems: undefined, items: node.prefixItems }; // what the compiler calls a tuple
  return Object.fromEntries(Object.entries(node).map(([k, v]) => [k, withoutSiblings(v)]));
}

/** Closed sets as arrays in the order of the story, and the close codes. */
function constants(schema, facts) {
  const lines = ["", `export const protocolVersion = ${facts.protocol};`];
  for (const [name, def] of Object.entries(schema.$defs).sort(byName)) {
    if (!def.enum) continue;
    const list = def.enum.map((v) => JSON.stringify(v)).join(", ");
    lines.push(`export const ${name[0].toLowerCase()}${name.slice(1)}Values = [${list}] as const satisfies readonly ${name}[];`);
  }
  lines.push("", "/** Close codes of the WebSocket, as workflows/event/close.go documents them. */", "export const closeCode = {");
  for (const [name, code] of Object.entries(facts.close_codes)) lines.push(`  ${name}: ${code},`);
  lines.push("} as const;", "", "export const closeReason: Readonly<Record<number, string>> = {");
  for (const [code, text] of Object.entries(facts.close_reasons)) lines.push(`  ${code}: ${JSON.stringify(text)},`);
  return [...lines, "};", ""].join("\n");
}

/** The shapes that the decoder checks: field to what it must hold. */
function shapes(schema) {
  const lines = [
    'import type { IncidentEvent, ServerFrame } from "./generated";',
    "",
    "/**",
    " * What each struct must hold, in a notation of one word a field: `string`, `number`, `boolean`,",
    " * `time`, `plain` for any of the first three, `any`, the name of another struct, `[x]` a list, `{x}` a map,",
    " * `(x,y)` a list of exactly these;",
    " * `?` after the field's name that it may be absent, `|null` that it may be null.",
    " */",
    "export const shapes = {",
  ];
  for (const [name, def] of Object.entries(schema.$defs).sort(byName)) {
    if (!def.properties) continue;
    lines.push(`  ${name}: {`);
    for (const [field, s] of Object.entries(def.properties)) {
      const key = def.required?.includes(field) ? field : `${JSON.stringify(`${field}?`)}`;
      lines.push(`    ${key}: ${JSON.stringify(notation(schema, s))},`);
    }
    lines.push("  },");
  }
  lines.push("} as const;", "", 'export const eventShapes: Readonly<Record<IncidentEvent["type"], keyof typeof shapes>> = {');
  for (const [type, name] of members(schema, "IncidentEvent")) lines.push(`  ${JSON.stringify(type)}: ${JSON.stringify(name)},`);
  lines.push("};", "", 'export const frameShapes: Readonly<Record<Exclude<ServerFrame, IncidentEvent>["type"], keyof typeof shapes>> = {');
  const events = new Set(members(schema, "IncidentEvent").map(([type]) => type));
  for (const [type, name] of members(schema, "ServerFrame")) {
    if (!events.has(type)) lines.push(`  ${JSON.stringify(type)}: ${JSON.stringify(name)},`);
  }
  return banner + [...lines, "};", ""].join("\n");
}

function members(schema, union) {
  return schema.$defs[union].oneOf.map(({ $ref }) => {
    const name = $ref.replace("#/$defs/", "");
    return [schema.$defs[name].properties.type.const, name];
  });
}

function notation(schema, s) {
  if (s === true) return "any";
  if (s.anyOf) return "plain";
  if (s.$ref) {
    const name = s.$ref.replace("#/$defs/", "");
    const def = schema.$defs[name];
    if (def.enum) return "string";
    return def.properties ? name : notation(schema, def);
  }
  if (s.const !== undefined) return `=${s.const}`;
  if (s.oneOf) return `${notation(schema, s.oneOf[0])}|null`;
  if (s.prefixItems) return `(${s.prefixItems.map((item) => notation(schema, item)).join(",")})`;
  if (s.type === "array") return `[${notation(schema, s.items)}]`;
  if (s.type === "object") return `{${notation(schema, s.additionalProperties)}}`;
  if (s.format === "date-time") return "time";
  if (s.type === "integer" || s.type === "number") return "number";
  if (s.type === "string" || s.type === "boolean") return s.type;
  throw new Error(`the schema says something that this script cannot write down: ${JSON.stringify(s)}`);
}

const byName = ([a], [b]) => (a < b ? -1 : 1);

const schema = JSON.parse(await readFile(source, "utf8"));
const files = { "generated.ts": await types(schema), "generated-shapes.ts": shapes(schema) };
let stale = false;
for (const [name, content] of Object.entries(files)) {
  if (!process.argv.includes("--check")) {
    await writeFile(target(name), content);
    continue;
  }
  const have = await readFile(target(name), "utf8").catch(() => "");
  if (have !== content) {
    stale = true;
    console.error(`web/src/protocol/${name} is stale; run: npm run generate`);
  }
}
if (stale) process.exit(1);
