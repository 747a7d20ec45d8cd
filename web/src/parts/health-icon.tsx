import { CircleAlert, CircleCheck, CircleX } from "lucide-react";
import type { ReactNode } from "react";

const healthIcons: Record<string, ReactNode> = {
  healthy: <CircleCheck aria-hidden className="size-3.5 text-good" />,
  degraded: <CircleAlert aria-hidden className="size-3.5 text-warn" />,
  down: <CircleX aria-hidden className="size-3.5 text-bad" />,
  error: <CircleX aria-hidden className="size-3.5 text-bad" />,
};

export function HealthIcon({ state }: { state: string }) {
  return (
    <>
      {healthIcons[state] ?? <CircleAlert aria-hidden className="size-3.5 text-ink-3" />}
      <span className="sr-only">{state}</span>
    </>
  );
}
