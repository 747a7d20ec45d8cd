import { describe, expect, it } from "vitest";

import { FakeClock } from "../../test/fake-clock";
import { FakeSocket } from "../../test/fake-socket";
import { goldenText } from "../../test/golden";
import type { IncidentEvent, ModelDelta, Snapshot, SystemEvent, Welcome } from "../protocol/generated";
import { type Connection, Feed } from "./feed";

const welcome = JSON.parse(goldenText("welcome")) as Welcome;
const snapshot = JSON.parse(goldenText("snapshot")) as Snapshot;
const noted = JSON.parse(goldenText("incident.noted")) as IncidentEvent;
const epoch = snapshot.epoch;

function setUp() {
  const clock = new FakeClock();
  const sockets: FakeSocket[] = [];
  const got = { snapshots: [] as Snapshot[], offsets: [] as (number | undefined)[], system: [] as SystemEvent[], deltas: [] as ModelDelta[], verified: 0 };
  const shown: Connection[] = [];
  const network = { up: true, changed: () => {} };
  const feed = new Feed({
    url: "ws://gateway/api/v1/ws",
    clock,
    openSocket: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    onConnection: (connection) => shown.push(connection),
    network: {
      online: () => network.up,
      subscribe: (changed) => {
        network.changed = changed;
        return () => {};
      },
    },
    sink: {
      snapshot: (s) => got.snapshots.push(s),
      event: (d) => got.offsets.push(d.event.offset),
      system: (s) => got.system.push(s),
      delta: (d) => got.deltas.push(d),
      verify: () => got.verified++,
    },
  });
  const last = () => sockets.at(-1) as FakeSocket;
  return {
    feed,
    clock,
    sockets,
    got,
    shown,
    network,
    last,
    state: () => shown.at(-1) as Connection,
    /** Opens the latest socket as a gateway that sends a snapshot, or resumes. */
    welcome(resumed = false) {
      last().accept();
      last().say({ ...welcome, resumed });
      if (!resumed) last().say({ ...snapshot, offset: 320 });
    },
    event: (offset: number, more: Partial<IncidentEvent> = {}) => last().say({ ...noted, epoch, offset, ...more }),
    position: (offset: number, more = {}) => last().say({ type: "position", epoch, offset, rtt_ms: 12, ...more }),
  };
}

describe("coming and going", () => {
  it("says hello without a cursor, takes the snapshot, and is live", () => {
    const t = setUp();
    t.feed.start();
    expect(t.state().state).toBe("connecting");
    t.welcome();
    expect(t.last().sent).toEqual([{ type: "hello", protocol: 1, topics: ["incidents"] }]);
    expect(t.state()).toMatchObject({ state: "live", principal: { name: "dana", role: "approver" } });
    expect(t.got.snapshots).toHaveLength(1);
  });

  it("comes back with its cursor and goes on", () => {
    const t = setUp();
    t.feed.start();
    t.welcome();
    t.event(321);
    t.last().end(4000);
    expect(t.state()).toMatchObject({ state: "reconnecting", reason: "the gateway is shutting down" });
    t.clock.advance(1_000);
    t.welcome(true);
    expect(t.last().sent).toEqual([{ type: "hello", protocol: 1, topics: ["incidents"], cursor: { epoch, offset: 321 } }]);
    t.event(322);
    expect(t.got.offsets).toEqual([321, 322]);
    expect(t.got.snapshots).toHaveLength(1);
  });

  it("waits longer after each failure, never more than 8 s, and from short again after success", () => {
    const t = setUp();
    t.feed.start();
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      t.last().end(1006);
      const wait = (t.state().retryAt ?? 0) - t.clock.now();
      waits.push(wait);
      t.clock.advance(wait);
    }
    expect(waits.slice(0, 4)).toEqual([375, 750, 1500, 3000]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(8_000);
    t.welcome();
    t.clock.advance(6_000);
    t.last().end(1006);
    expect((t.state().retryAt ?? 0) - t.clock.now()).toBe(375);
  });

  it("a gateway that welcomes and drops at once is not hammered", () => {
    const t = setUp();
    t.feed.start();
    const waits: number[] = [];
    for (let i = 0; i < 4; i++) {
      t.welcome();
      t.last().end(4001);
      const wait = (t.state().retryAt ?? 0) - t.clock.now();
      waits.push(wait);
      t.clock.advance(wait);
    }
    expect(waits).toEqual([375, 750, 1500, 3000]);
  });

  it.each([4100, 4101, 4102, 4103, 4104])("stays away after %i until told to try", (code) => {
    const t = setUp();
    t.feed.start();
    t.last().end(code);
    expect(t.state().state).toBe("refused");
    t.clock.advance(600_000);
    expect(t.sockets).toHaveLength(1);
    t.feed.retry();
    expect(t.sockets).toHaveLength(2);
  });

  it("without a network it waits for one", () => {
    const t = setUp();
    t.feed.start();
    t.welcome();
    t.network.up = false;
    t.network.changed();
    expect(t.state().state).toBe("offline");
    expect(t.last().closed).toBe(1000);
    t.clock.advance(600_000);
    expect(t.sockets).toHaveLength(1);
    t.network.up = true;
    t.network.changed();
    expect(t.sockets).toHaveLength(2);
    expect(t.state().state).toBe("reconnecting");
  });

  it("a socket from which nothing comes is given up", () => {
    const t = setUp();
    t.feed.start();
    t.clock.advance(10_000);
    expect(t.last().closed).toBe(1000);
    t.clock.advance(1_000);
    t.welcome();
    for (let i = 0; i < 5; i++) {
      t.clock.advance(5_000);
      t.position(320);
    }
    expect(t.state().state).toBe("live");
    t.clock.advance(16_000);
    expect(t.state()).toMatchObject({ state: "reconnecting", reason: "nothing was heard from the gateway for too long" });
  });

  it("after stop nothing happens any more", () => {
    const t = setUp();
    t.feed.start();
    t.welcome();
    t.feed.stop();
    const socket = t.last();
    socket.say({ ...noted, epoch, offset: 400 });
    t.clock.advance(600_000);
    expect(t.got.offsets).toEqual([]);
    expect(t.sockets).toHaveLength(1);
    expect(t.clock.pending).toBe(0);
  });
});

describe("never a silent gap", () => {
  it("a position moves the cursor, and one that skips offsets asks for a comparison", () => {
    const t = setUp();
    t.feed.start();
    t.welcome();
    t.event(321);
    t.position(321);
    expect(t.got.verified).toBe(0);
    t.position(325);
    expect(t.got.verified).toBe(1);
    expect(t.feed.position()).toEqual({ epoch, offset: 325 });
  });

  it.each([
    ["a position behind what was sent", (t: ReturnType<typeof setUp>) => t.position(319)],
    ["a position in another epoch", (t: ReturnType<typeof setUp>) => t.position(320, { epoch: "other" })],
    ["an event of another epoch", (t: ReturnType<typeof setUp>) => t.event(1, { epoch: "other" })],
  ])("%s leads to a snapshot", (_, happen) => {
    const t = setUp();
    t.feed.start();
    t.welcome();
    happen(t);
    expect(t.state().state).toBe("reconnecting");
    expect(t.last().closed).toBe(1000);
    expect(t.got.offsets).toEqual([]);
    t.clock.advance(1_000);
    t.welcome();
    expect(t.last().sent).toEqual([{ type: "hello", protocol: 1, topics: ["incidents"] }]);
    expect(t.got.snapshots).toHaveLength(2);
  });

  it("a cursor that the gateway does not go on from is forgotten at once", () => {
    const t = setUp();
    t.feed.start();
    t.welcome();
    t.last().end(1006);
    t.clock.advance(1_000);
    t.last().accept();
    t.last().say({ ...welcome, resumed: false });
    t.last().end(1006); // before the snapshot came
    t.clock.advance(2_000);
    t.welcome();
    expect(t.last().sent).toEqual([{ type: "hello", protocol: 1, topics: ["incidents"] }]);
  });

  it("events filled in with an earlier offset arrive and move nothing", () => {
    const t = setUp();
    t.feed.start();
    t.welcome();
    t.event(330);
    t.event(320);
    expect(t.got.offsets).toEqual([330, 320]);
    expect(t.feed.position()).toEqual({ epoch, offset: 330 });
  });

  it("what cannot be read is counted and shown, and breaks nothing", () => {
    const t = setUp();
    t.feed.start();
    t.welcome();
    t.last().say("{");
    t.last().say('{"type":"incident.noted"}');
    t.event(321);
    expect(t.state().malformed).toBe(2);
    expect(t.got.offsets).toEqual([321]);
  });
});

it("system events and the round trip are passed on", () => {
  const t = setUp();
  t.feed.start();
  t.welcome();
  t.last().say(goldenText("system.health"));
  t.last().say(goldenText("aws.services"));
  expect(t.got.system.map((s) => s.type)).toEqual(["system.health", "aws.services"]);
  t.position(320, { rtt_ms: 0 });
  expect(t.state().rttMs).toBeUndefined();
  t.position(320, { rtt_ms: 48.2 });
  expect(t.state().rttMs).toBe(48.2);
});

it("pieces of what a model says are passed on, and move no cursor", () => {
  const t = setUp();
  t.feed.start();
  t.last().accept();
  t.last().say(goldenText("welcome"));
  t.last().say(goldenText("snapshot"));
  const before = t.feed.position();
  t.last().say(goldenText("model.delta"));
  expect(t.got.deltas.map((d) => d.text)).toEqual(["The change precedes the symptom."]);
  expect(t.feed.position()).toEqual(before);
  expect(t.got.offsets).toEqual([]);
});
