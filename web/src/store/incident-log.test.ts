import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { story, storyNames, wire } from "../../test/golden";
import { type DecodedEvent, decodeEvent } from "../protocol/decoder";
import { IncidentLog } from "./incident-log";
import { reduce } from "./reduce";

const stories = storyNames.map((name) => {
  const { events, view } = story(name);
  return { decoded: events.map(decodeEvent), view };
});

describe("IncidentLog", () => {
  it("any order of arrival, with any repeats, gives the same view and the same events", () => {
    const arrival = fc.constantFrom(...stories).chain((s) =>
      fc.record({
        story: fc.constant(s),
        order: fc.shuffledSubarray(s.decoded.map((_, i) => i), { minLength: s.decoded.length }),
        repeats: fc.array(fc.nat(s.decoded.length - 1), { maxLength: 20 }),
      }),
    );
    fc.assert(
      fc.property(arrival, ({ story: s, order, repeats }) => {
        const log = new IncidentLog();
        for (const i of [...order, ...repeats]) log.add(s.decoded[i] as DecodedEvent);
        expect(wire(log.view)).toEqual(s.view);
        expect(log.gap()).toBeUndefined();
        const ofRun = s.decoded.filter((d) => d.event.run_id === s.view.run_id);
        expect(log.events.map((d) => d.event.id)).toEqual(ofRun.map((d) => d.event.id));
      }),
    );
  });

  it("at every moment the view stands for exactly the events shown, without a hole", () => {
    const s = stories.toSorted((a, b) => b.decoded.length - a.decoded.length)[0] as (typeof stories)[number];
    fc.assert(
      fc.property(fc.shuffledSubarray(s.decoded.map((_, i) => i), { minLength: 1 }), (order) => {
        const log = new IncidentLog();
        for (const i of order) {
          log.add(s.decoded[i] as DecodedEvent);
          const seqs = log.events.map((d) => d.event.seq);
          expect(seqs).toEqual(seqs.map((_, n) => n + 1));
          expect(log.view?.seq ?? 0).toBe(seqs.length);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("says where the hole is", () => {
    const { decoded } = stories.find((s) => s.decoded.length > 20) as (typeof stories)[number];
    const log = new IncidentLog();
    const [first, second, third] = decoded as [DecodedEvent, DecodedEvent, DecodedEvent];
    log.add(first);
    log.add(third);
    expect(log.gap()).toEqual({ runId: first.event.run_id, after: 1 });
    expect(log.add(second)).toBe(true);
    expect(log.add(second)).toBe(false);
    expect(log.gap()).toBeUndefined();
  });

  it("an event that cannot be read keeps its place and changes nothing", () => {
    const { events } = story("story-inconclusive");
    const log = new IncidentLog();
    for (const event of events) log.add(decodeEvent(event.seq === 4 ? { ...event, type: "agent.invented" } : event));
    expect(log.gap()).toBeUndefined();
    expect(log.events).toHaveLength(events.length);
    expect(log.events[3]?.readable).toBe(false);
    expect(wire(log.view)).toEqual(wire(events.filter((e) => e.seq !== 4).reduce<ReturnType<typeof reduce>>(reduce, undefined)));
  });
});
