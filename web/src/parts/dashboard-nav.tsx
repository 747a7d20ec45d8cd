/** The three dashboards, and how they look: at the top of each of them. */
import { clsx } from "clsx";
import { Activity, Monitor, Moon, Presentation, SearchCheck, Sun } from "lucide-react";
import type { MouseEvent, ReactNode } from "react";

import { buttonClass } from "../ui/button";
import { type Theme, setTheme, themes, useTheme } from "../ui/theme";

export type Dashboard = "ops" | "transparency" | "demo";

const dashboards: readonly { name: Dashboard; text: string; icon: ReactNode }[] = [
  { name: "ops", text: "Operations", icon: <Activity aria-hidden className="size-4" /> },
  { name: "transparency", text: "Transparency", icon: <SearchCheck aria-hidden className="size-4" /> },
  { name: "demo", text: "Executive", icon: <Presentation aria-hidden className="size-4" /> },
];

/** go changes the page without loading it anew; compact is for a bar with much else in it. */
export function DashboardNav({ current, go, compact = false }: { current: Dashboard; go: (path: string) => void; compact?: boolean }) {
  const click = (e: MouseEvent, path: string) => {
    if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    go(path);
  };
  return (
    <nav aria-label="Dashboards" className="flex items-center gap-0.5">
      {dashboards.map(({ name, text, icon }) => (
        <a
          key={name}
          href={`/${name}`}
          onClick={(e) => click(e, `/${name}`)}
          aria-current={name === current ? "page" : undefined}
          title={text}
          className={clsx("flex h-7 items-center gap-1.5 rounded-md px-2 text-xs", name === current ? "bg-accent-soft font-medium text-accent" : "text-ink-2 hover:bg-hover")}
        >
          {icon}
          <span className={compact ? "max-2xl:sr-only" : "max-xl:sr-only"}>{text}</span>
        </a>
      ))}
    </nav>
  );
}

const looks: Record<Theme, { text: string; icon: ReactNode }> = {
  system: { text: "Light or dark as the system is", icon: <Monitor aria-hidden className="size-4" /> },
  light: { text: "Light", icon: <Sun aria-hidden className="size-4" /> },
  dark: { text: "Dark", icon: <Moon aria-hidden className="size-4" /> },
};

export function ThemeButton() {
  const now = useTheme();
  const next = themes[(themes.indexOf(now) + 1) % themes.length] ?? "system";
  return (
    <button type="button" onClick={() => setTheme(next)} className={buttonClass("ghost", "px-1.5!")} title={`${looks[now].text}. Change to: ${looks[next].text.toLowerCase()}`}>
      {looks[now].icon}
      <span className="sr-only">Appearance: {looks[now].text}</span>
    </button>
  );
}
