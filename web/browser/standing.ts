/** What a page shows of incidents, and whether it is what the gateway has from their workflows. */
import type { Page } from "playwright-core";

import type { Api } from "./api";
import { isLive } from "./chromium";
import { soonMs, until } from "./until";

interface Standing {
  run: string;
  seq: number;
  status: string;
}

/** The incidents in the list of /ops. */
async function listed(page: Page): Promise<Record<string, Standing>> {
  return page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll<HTMLElement>('[data-testid^="incident-"][data-seq][data-status][data-run]:not([data-incident])')].map(({ dataset: d }) => [
        d.testid?.slice("incident-".length),
        { run: d.run ?? "", seq: Number(d.seq), status: d.status ?? "" },
      ]),
    ),
  );
}

/** The incident that a page shows in detail, on whichever dashboard. */
async function detailed(page: Page): Promise<(Standing & { incident: string }) | undefined> {
  return page.evaluate(() => {
    const d = document.querySelector<HTMLElement>("[data-incident][data-seq][data-status]")?.dataset;
    return d === undefined ? undefined : { incident: d.incident ?? "", run: d.run ?? "", seq: Number(d.seq), status: d.status ?? "" };
  });
}

/** Waits until the page is live and shows every incident, and the one in detail, as the gateway has them. */
export async function endsEqual(page: Page, api: Api, { list = true, withinMs = soonMs } = {}): Promise<void> {
  await isLive(page);
  await until(
    "the page shows what the workflows say",
    async () => {
      const summaries = await api.summaries();
      const detail = await detailed(page);
      if (detail !== undefined) {
        const { run_id, seq, status } = await api.view(detail.incident);
        same(`${detail.incident} in detail`, { run: detail.run, seq: detail.seq, status: detail.status }, { run: run_id, seq, status });
      }
      if (!list) return;
      const shown = await listed(page);
      same("the list", shown, Object.fromEntries(summaries.map((s) => [s.incident_id, { run: s.run_id, seq: s.seq, status: s.status }])));
    },
    withinMs,
  );
}

function same(what: string, shown: unknown, has: unknown): void {
  const [left, right] = [canonical(shown), canonical(has)];
  if (left !== right) throw new Error(`Of ${what} the page shows ${left}, the gateway has ${right}.`);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) => (typeof v === "object" && v !== null ? Object.fromEntries(Object.entries(v).toSorted(([a], [b]) => (a < b ? -1 : 1))) : v));
}
