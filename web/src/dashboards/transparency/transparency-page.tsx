/** One incident explained. */
import { DashboardNav, ThemeButton } from "../../parts/dashboard-nav";

export type Subject = { kind: "incident"; id: string } | { kind: "scenario"; name: string };

export interface TransparencyPageProps {
  /** Undefined: choose one. A scenario has no live connection: there is no VigilProvider then. */
  subject: Subject | undefined;
  view: string | undefined;
  at: number | undefined;
  go: (path: string) => void;
  replace: (path: string) => void;
}

export function TransparencyPage({ go }: TransparencyPageProps) {
  return (
    <header className="flex items-center gap-4 border-b border-line bg-surface px-3 py-1.5">
      <DashboardNav current="transparency" go={go} />
      <ThemeButton />
    </header>
  );
}
