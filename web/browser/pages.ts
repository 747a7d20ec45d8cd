/** What every view must be, whatever it shows: quiet, no wider than the screen, and pictured. */
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";

import { type Look, type Tab, type Width, looks, widths } from "./chromium";
import { until } from "./until";

const artefacts = resolve(import.meta.dirname, "artefacts");
const pictures = resolve(import.meta.dirname, "../../deploy/docs/pictures");

/** What ends beyond what is seen of the page: nothing where nobody has to scroll sideways. */
export function overhang(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width);
    return wide.slice(-5).map((e) => `${e.tagName.toLowerCase()} "${e.textContent?.slice(0, 40)}" .${e.getAttribute("class")?.slice(0, 120)} ends at ${e.getBoundingClientRect().right} of ${width}`);
  });
}

const fitsWithinMs = 3_000;

/** Chooses light or dark as the button on the page does: by what is kept in this browser. */
export async function setLook(page: Page, look: Look): Promise<void> {
  await page.emulateMedia({ colorScheme: look });
}

/** Every width in both looks: nothing scrolls sideways, nothing complained; a picture of each is kept. */
export async function seeEverywhere(tab: Tab, name: string): Promise<void> {
  await mkdir(artefacts, { recursive: true });
  const { page } = tab;
  for (const look of looks) {
    await setLook(page, look);
    for (const width of Object.keys(widths) as Width[]) {
      await page.setViewportSize(widths[width]);
      await settled(page);
      // What changes its size with the window may take more than two frames.
      await until(`${name} fits ${widths[width].width} pixels, ${look}`, async () => expect(await overhang(page)).toEqual([]), fitsWithinMs);
      await page.screenshot({ path: resolve(artefacts, `${name}-${widths[width].width}-${look}.png`) });
    }
  }
  await setLook(page, "light");
  await page.setViewportSize(widths.desk);
  expect(tab.complaints, `what ${name} complained of`).toEqual([]);
}

/** As it is on paper, A4 with margins: nothing is cut off; a picture is kept. The page is left like that. */
export async function seePrinted(page: Page, name: string): Promise<void> {
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: 718, height: 1046 });
  await settled(page);
  expect(await overhang(page)).toEqual([]);
  await page.screenshot({ path: resolve(artefacts, `${name}-printed.png`), fullPage: true });
}

/** A picture for the README, where VIGIL_PICTURES asks for them (`task pictures`). */
export async function pictureForReadme({ page }: Tab, name: "ops" | "transparency" | "demo"): Promise<void> {
  if (process.env.VIGIL_PICTURES === undefined) return;
  await mkdir(pictures, { recursive: true });
  await settled(page);
  await page.screenshot({ path: resolve(pictures, `${name}.png`) });
}

/** Two frames after fonts are there: what was to be drawn is drawn. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  });
}
