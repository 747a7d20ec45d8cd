import { describe, expect, it } from "vitest";

import { story, storyNames, wire } from "../../test/golden";
import type { IncidentEvent, View } from "../protocol/generated";
import { alertsOf, reduce, reduceSummary, summaryOf } from "./reduce";

function all(events: IncidentEvent[], from?: View): View | undefined {
  return events.reduce<View | undefined>(reduce, from);
}

describe.each(storyNames)("%s", (name) => {
  const { events, view } = story(name);

  it("adds up to the view that Go makes of it", () => {
    expect(wire(all(events))).toEqual(view);
  });

  it("goes on from any view on the way", () => {
    for (let cut = 1; cut < events.length; cut++) {
      const half = wire(all(events.slice(0, cut)));
      expect(wire(all(events.slice(cut), half))).toEqual(view);
    }
  });

  it("does not change when numbered events come again", () => {
    const end = all(events);
    for (const event of events.filter((e) => e.seq !== 0 && e.run_id === view.run_id)) expect(reduce(end, event)).toBe(end);
  });

  it("never changes a view in place", () => {
    let state: View | undefined;
    for (const event of events) {
      const before = JSON.stringify(state);
      const next = reduce(state, event);
      expect(JSON.stringify(state)).toBe(before);
      state = next;
    }
  });

  it("its summary goes on by events alone; for counts of alerts it needs those before", () => {
    let state: View | undefined;
    for (const event of events) {
      const before = state;
      state = reduce(state, event);
      if (before === undefined || state === undefined) continue;
      const after = reduceSummary(summaryOf(before), undefined, event);
      if (["alert.received", "alerts.mentioned", "alerts.moved"].includes(event.type)) expect(after).toBeUndefined();
      else expect(wire(after?.summary)).toEqual(wire(summaryOf(state)));
      const counted = reduceSummary(summaryOf(before), alertsOf(before), event);
      expect(wire(counted)).toEqual(wire({ summary: summaryOf(state), alerts: alertsOf(state) }));
    }
  });
});

it("events of another run, or before the first, change nothing", () => {
  const { events } = story("story-aborted");
  const [first, second, third, fourth] = events;
  if (first === undefined || second === undefined || third === undefined || fourth === undefined) throw new Error("the story is too short");
  expect(reduce(undefined, second)).toBeUndefined();
  const later = all([first, third, fourth]);
  expect(reduce(later, second)).toBe(later);
});
