// @vitest-environment happy-dom
import { act, screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { story } from "../../../test/golden";
import { Stage, useOpsAddress } from "../../../test/render";
import { OpsPage } from "./ops-page";

const opening = story("story-inconclusive").events.slice(0, 3);
const many = Array.from({ length: 200 }, (_, i) => opening.map((e) => ({ ...e, incident_id: `inc-${i}`, run_id: `run-${i}` })));

function Page() {
  return <OpsPage {...useOpsAddress(undefined)} dev={true} now={Date.parse("2026-11-23T14:05:00Z")} />;
}

/** There is no layout here: everything is of one size, and stays so. */
class Still {
  observe() {}
  unobserve() {}
  disconnect() {}
}

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", Still);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(600);
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(320);
});

it.each([
  ["comes after the page", (stage: Stage) => stage.render(<Page />), () => {}],
  ["is there before the page", () => {}, (stage: Stage) => stage.render(<Page />)],
])("of which only a part is drawn is drawn also where it %s", async (_, before, after) => {
  const stage = new Stage();
  stage.know(many);
  before(stage);
  await act(async () => stage.connect());
  after(stage);
  const rows = await screen.findAllByTestId(/^incident-inc-/);
  expect(rows.length).toBeGreaterThan(5);
  expect(rows.length).toBeLessThan(many.length);
});
