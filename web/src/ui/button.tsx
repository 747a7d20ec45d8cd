import { clsx } from "clsx";
import type { ButtonHTMLAttributes } from "react";

export type ButtonKind = "primary" | "danger" | "plain" | "ghost";

const kinds: Record<ButtonKind, string> = {
  primary: "bg-accent text-accent-ink border-transparent hover:brightness-110",
  danger: "border-line-strong text-bad hover:bg-bad-soft",
  plain: "border-line-strong text-ink hover:bg-hover",
  ghost: "border-transparent text-ink-2 hover:bg-hover hover:text-ink",
};

export function buttonClass(kind: ButtonKind = "plain", className?: string): string {
  return clsx(
    "inline-flex h-8 items-center justify-center gap-1.5 rounded-md border px-2.5 text-xs font-medium whitespace-nowrap transition-colors",
    "disabled:cursor-not-allowed disabled:opacity-50 disabled:hover:bg-transparent disabled:hover:brightness-100",
    kinds[kind],
    kind === "primary" && "disabled:hover:bg-accent",
    className,
  );
}

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: ButtonKind;
}

export function Button({ kind, className, ...rest }: Props) {
  return <button type="button" {...rest} className={buttonClass(kind, className)} />;
}
