/** What a page shows of incidents, and whether it is what their workflows say. */
import type { Page } from "playwright-core";

import type { View } from "../src/protocol/generated";
import { isLive } from "./chromium";
import { until } from "./until";
import type { Workflows } from "./workflows";

interface Standing {
  run: string;
  seq?: number;
  status: string;
}

/** What a page shows of incidents: of each, what it says of it. */
type Shown = Record<string, Standing>;

/** The incidents in the list of /ops, and those in the table of /demo, which says nothing of how many events they have. */
const lists = {
  ops: { rows: '[data-testid^="incident-"][data-seq][data-status][data-run]:not([data-incident])', before: "incident-" },
  demo: { rows: '[data-testid^="latest-"][data-status][data-run]', before: "latest-" },
} as const;

async function listed(page: Page, list: { rows: string; before: string }): Promise<Shown> {
  return page.evaluate(
    ({ rows, before }) =>
      Object.fromEntries(
        [...document.querySelectorAll<HTMLElement>(rows)].map(({ dataset: d }) => [
          d.testid?.slice(before.length),
          { run: d.run ?? "", ...(d.seq === undefined ? {} : { seq: Number(d.seq) }), status: d.status ?? "" },
        ]),
      ),
    list,
  );
}

/** The incident that a page shows in detail, on whichever dashboard. */
async function detailed(page: Page): Promise<Shown> {
  return page.evaluate(() => {
    const d = document.querySelector<HTMLElement>("[data-incident][data-seq][data-status]")?.dataset;
    return d?.incident === undefined ? {} : { [d.incident]: { run: d.run ?? "", seq: Number(d.seq), status: d.status ?? "" } };
  });
}

export type Dashboard = "ops" | "transparency" | "demo";

/** How many incidents the table of /demo has: the latest. */
const latest = 8;

/** Waits until a page is live and shows each incident as its workflow has it. */
export async function endsEqual(page: Page, dashboard: Dashboard, workflows: Workflows): Promise<void> {
  await isLive(page);
  await until(`/${dashboard} shows what the workflows say`, async () => {
    const views = await Promise.all((await workflows.incidents()).map((id) => workflows.state(id)));
    const detail = await detailed(page);
    if (dashboard !== "demo") same("the incident in detail", detail, only(said(views), Object.keys(detail), 1));
    if (dashboard === "ops") same("the list", await listed(page, lists.ops), said(views));
    if (dashboard === "demo") {
      const newest = views.toSorted((a, b) => opened(b) - opened(a)).slice(0, latest);
      same("the table", await listed(page, lists.demo), said(newest, false));
    }
  });
}

function said(views: readonly View[], events = true): Shown {
  return Object.fromEntries(views.map((v) => [v.incident_id, { run: v.run_id, ...(events ? { seq: v.seq } : {}), status: v.status }]));
}

/** Of these alone, as many as there must be. */
function only(all: Shown, ids: readonly string[], count: number): Shown {
  if (ids.length !== count) throw new Error(`The page shows ${ids.length} incidents in detail, not ${count}.`);
  return Object.fromEntries(Object.entries(all).filter(([id]) => ids.includes(id)));
}

function opened(v: View): number {
  return Date.parse(v.opened_at ?? "");
}

function same(what: string, shown: unknown, has: unknown): void {
  const [left, right] = [canonical(shown), canonical(has)];
  if (left !== right) throw new Error(`Of ${what} the page shows ${left}, the workflows say ${right}.`);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) => (typeof v === "object" && v !== null ? Object.fromEntries(Object.entries(v).toSorted(([a], [b]) => (a < b ? -1 : 1))) : v));
}
