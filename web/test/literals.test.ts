/**
 * The code holds no literal metric values: whatever is shown to people and has a number in it comes
 * from an event, a query or a clock. Reads every source as a syntax tree, and refuses
 *
 * - texts with a number in them: between tags, in strings and in templates;
 * - numbers written between tags;
 * - numbers given to a field that is called like a measure.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseSync } from "vite";
import { describe, expect, it } from "vitest";

const src = resolve(import.meta.dirname, "../src");

/** Numbers that are written down for a reason, by file. */
const allowed: Record<string, Record<string, string>> = {
  "ui/format.ts": {
    "0": "how nothing is written",
    $0: "how no cost is written",
    "< $0.0001": "how a cost below what is shown is written",
  },
  "dashboards/ops/budget-card.tsx": {
    "10": "what a form offers to add, for a person to change",
    "100000": "what a form offers to add, for a person to change",
    "0.50": "what a form offers to add, for a person to change",
    "1": "the step of a form's field",
  },
  "dashboards/ops/cost-panel.tsx": { "1": "the first attempt, which no event counts" },
  "dashboards/ops/silence-dialog.tsx": {
    "1h": "what a person may choose",
    "4h": "what a person may choose",
    "1d": "what a person may choose",
  },
  "dashboards/transparency/confidence-chart.tsx": {
    "6 3": "how a line is dashed",
    "2 3": "how a line is dashed",
    "8 3 2 3": "how a line is dashed",
  },
  "dashboards/transparency/scrubber.tsx": {
    "1×": "what a person may choose",
    "4×": "what a person may choose",
  },
};

/** A word that is a number with at most its sign, unit and punctuation. In size-3.5, p99 and mt-2 the digits are part of a name. */
const numberWord = /^[("'<>≤≥≈$+−-]*\d[\d,.:]*(?:%|×|x|ms|s|m|h|d|K|M|B|KB|MB|GB)?[)"'.,;:!?]*$/u;

/** Fields that hold measures, in the words of the protocol. */
const measureField = /(?:_seconds|_micros|_usd|_share|_rate|_ratio|tokens|confidence|score|mtt[adr]|savings?|downtime|latency_ms)$/u;

interface Node {
  type: string;
  start: number;
  [field: string]: unknown;
}

/** Attributes that draw, lead or name, and tell nobody a number. */
const silent = /^(?:className|d|viewBox|points|transform|style|key|id|htmlFor|href|to|type|role|fill|stroke.*|x|y|cx|cy|r|rx|ry|x1|x2|y1|y2|dx|dy|width|height|size|offset|data-.*|min|max|step|pattern|autoComplete|gradient.*)$/u;

function literalsOf(text: string, file: string): string[] {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file} cannot be parsed: ${errors[0]?.message ?? ""}`);
  const found: string[] = [];
  const tell = (node: Node, what: string) => found.push(`line ${text.slice(0, node.start).split("\n").length}: ${what}`);
  const told = (node: Node, words: string) => {
    const flat = words.replaceAll(/\s+/gu, " ").trim();
    if (allowed[file]?.[flat] === undefined && flat.split(" ").some((word) => numberWord.test(word))) tell(node, JSON.stringify(flat));
  };
  const visit = (value: unknown, inTag: boolean): void => {
    if (Array.isArray(value)) {
      for (const one of value) visit(one, inTag);
      return;
    }
    if (typeof value !== "object" || value === null || typeof (value as Node).type !== "string") return;
    const node = value as Node;
    switch (node.type) {
      case "ImportDeclaration":
      case "ImportExpression":
      case "ExportAllDeclaration":
        return;
      case "JSXAttribute": {
        const { name } = node.name as { name: unknown };
        if (typeof name === "string" && silent.test(name)) return;
        const given = node.value as Node | null;
        visit(given?.type === "JSXExpressionContainer" ? given.expression : given, false);
        return;
      }
      case "JSXText":
        told(node, String(node.value));
        return;
      case "JSXExpressionContainer":
        visit(node.expression, true);
        return;
      case "Literal":
        if (typeof node.value === "string") told(node, node.value);
        else if (inTag && typeof node.value === "number" && allowed[file]?.[node.value] === undefined) tell(node, `the number ${node.value} between tags`);
        return;
      case "ConditionalExpression":
        // n === 1 ? "1 call" : …: the number was compared before it is said.
        if (saysWhatWasCompared(node)) {
          visit(node.alternate, inTag);
          return;
        }
        break;
      case "BinaryExpression":
        if (["===", "!=="].includes(String(node.operator))) return; // compared, not said
        break;
      case "TemplateElement":
        told(node, (node.value as { raw: string }).raw);
        return;
      case "Property": {
        const field = (node.key as { name?: string; value?: string }).name ?? (node.key as { value?: string }).value ?? "";
        const given = node.value as Node;
        if (measureField.test(field) && given.type === "Literal" && typeof given.value === "number" && given.value !== 0) tell(node, `${field} is given the number ${given.value}`);
        break;
      }
      default:
        // A literal type is a name, a class list draws.
        if (node.type.startsWith("TS") && !["TSAsExpression", "TSNonNullExpression", "TSSatisfiesExpression"].includes(node.type)) return;
        if (node.type === "CallExpression" && !speaks(node)) return;
    }
    for (const [field, below] of Object.entries(node)) {
      if (field === "type" || field === "start" || field === "end") continue;
      // Only what is written straight between tags, or chosen there, is a number for people.
      visit(below, inTag && ["ConditionalExpression", "LogicalExpression", "ParenthesizedExpression"].includes(node.type) && field !== "test" && field !== "left");
    }
  };
  visit(program, false);
  return found;
}

function saysWhatWasCompared({ test, consequent }: Node): boolean {
  const { operator, right } = test as { operator?: string; right?: Node };
  const said = (unwrapped(consequent as Node) as Node).value;
  return operator === "===" && typeof right?.value === "number" && (said === right.value || (typeof said === "string" && new RegExp(`(?<!\\S)${right.value}(?!\\S)`, "u").test(said)));
}

function unwrapped(node: Node): unknown {
  return node.type === "ParenthesizedExpression" ? node.expression : node;
}

/** Whether a call's arguments may be words for people: those of class lists and of what takes a text apart are not. */
function speaks({ callee }: Node): boolean {
  const { name, property } = callee as { name?: string; property?: { name?: string } };
  return !["clsx", "buttonClass"].includes(name ?? "") && !["padStart", "replaceAll", "split", "startsWith", "endsWith"].includes(property?.name ?? "");
}

const shown = /^(?:app|dashboards|parts|ui|store|feed)\//u;
const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => shown.test(name) && /\.tsx?$/u.test(name) && !/\.test\.tsx?$/u.test(name));

describe("literal metric values", () => {
  it.each(files)("%s holds none", (file) => {
    expect(literalsOf(readFileSync(join(src, file), "utf8"), file)).toEqual([]);
  });

  it.each([
    ["between tags", `const a = <p>Saved 42 hours</p>;`],
    ["as a number between tags", `const a = <b>{42}</b>;`],
    ["as one of two numbers between tags", `const a = (x: boolean) => <b>{x ? 42 : y}</b>;`],
    ["in an attribute that people are told", `const a = <p title="85 % of incidents">x</p>;`],
    ["in a string", `const a = { text: "MTTR 4.2 m" };`],
    ["in a template", "const a = `of ${n} incidents, 85% were prevented`;"],
    ["as money", `const a = ["$1,250,000"];`],
    ["given to a measure", `const a = { mttr_seconds: 127, agreed_share: 0.85 };`],
  ])("are found %s", (_, text) => {
    expect(literalsOf(text, "some.tsx")).not.toEqual([]);
  });

  it("are not what draws, leads or is a name", () => {
    const sound = 'const a = <p className="mt-2 size-3.5 w-1/2" data-n="4" title={`p99 of ${n}`}>5xx in E12 {n} {f(3)}<svg viewBox="0 0 10 10"><path d="M0 1" /></svg></p>;';
    expect(literalsOf(sound, "some.tsx")).toEqual([]);
  });
});
