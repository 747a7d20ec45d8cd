/** What has to hold before an action runs, said for people where it is of the usual kind. */
import type { TargetState } from "../protocol/generated";
import { spaced } from "../ui/words";

const comparisons: Readonly<Record<string, string>> = { "==": "is", "!=": "is not", ">=": "is at least", "<=": "is at most", ">": "is more than", "<": "is less than" };

/**
 * The expression in words, or undefined where it is more than fields of the target compared with
 * values, joined by "and": it is shown as it stands then, not half-translated.
 */
export function preconditionWords(expression: string, planned: TargetState | undefined): string | undefined {
  const parts = expression.split("&&").map((part) => clauseWords(part.trim(), planned));
  return parts.some((part) => part === undefined) ? undefined : parts.join(", and ");
}

function clauseWords(clause: string, planned: TargetState | undefined): string | undefined {
  const flag = /^(!?)state\.(\w+)$/.exec(clause);
  if (flag !== null) return `${spaced(flag[2] ?? "")} is ${flag[1] === "!" ? "false" : "true"}`;
  const [, field = "", operator = "", right = ""] = /^state\.(\w+)\s*(==|!=|>=|<=|>|<)\s*(.+)$/.exec(clause) ?? [];
  const value = valueWords(right, planned);
  return value === undefined ? undefined : `${spaced(field)} ${comparisons[operator]} ${value}`;
}

function valueWords(text: string, planned: TargetState | undefined): string | undefined {
  const reference = /^planned\.(\w+)$/.exec(text);
  if (reference !== null) {
    const value = planned?.[reference[1] ?? ""];
    return value === undefined ? undefined : `still ${plain(value)}, as when it was planned`;
  }
  if (/^-?\d+(\.\d+)?$/.test(text)) return plain(Number(text));
  if (text === "true" || text === "false") return text;
  return /^(["'])([^"'\\]*)\1$/.exec(text)?.[2];
}

/** A value of a target as people write it. */
export function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
