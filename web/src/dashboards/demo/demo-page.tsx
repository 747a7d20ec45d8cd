/** What happened, what it cost, what was saved, and how sure we are. */
import { DashboardNav, ThemeButton } from "../../parts/dashboard-nav";

export type Subject = { kind: "incident"; id: string } | { kind: "scenario"; name: string };

export interface DemoPageProps {
  /** What is presented. A scenario has no live connection: there is no VigilProvider then. */
  present: Subject | undefined;
  go: (path: string) => void;
}

export function DemoPage({ go }: DemoPageProps) {
  return (
    <header className="flex items-center gap-4 border-b border-line bg-surface px-3 py-1.5">
      <DashboardNav current="demo" go={go} />
      <ThemeButton />
    </header>
  );
}
