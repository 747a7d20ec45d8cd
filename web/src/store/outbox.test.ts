import { describe, expect, it } from "vitest";

import { FakeClock } from "../../test/fake-clock";
import { ApiError } from "../feed/rest";
import { Outbox, type PendingNote } from "./outbox";

function setUp(answer: (text: string) => Promise<void>) {
  const sent: { text: string; key: string }[] = [];
  let notes: readonly PendingNote[] = [];
  const clock = new FakeClock();
  const outbox = new Outbox({
    clock,
    publish: (next) => {
      notes = next;
    },
    send: (_, text, key) => {
      sent.push({ text, key });
      return answer(text);
    },
  });
  return { outbox, sent, clock, notes: () => notes.map((n) => ({ text: n.text, refused: n.refused })) };
}

const settled = () => new Promise((done) => setTimeout(done));

describe("notes that wait for a connection", () => {
  it("are sent in their order, once there is one", async () => {
    const { outbox, sent, notes } = setUp(async () => {});
    outbox.add("inc", "one");
    outbox.add("inc", "two");
    await settled();
    expect(sent).toEqual([]);
    expect(notes().map((n) => n.text)).toEqual(["one", "two"]);
    outbox.connected(true);
    await settled();
    expect(sent.map((s) => s.text)).toEqual(["one", "two"]);
    expect(notes()).toEqual([]);
  });

  it("keep their key when it is not known whether they arrived", async () => {
    let lost = true;
    const { outbox, sent, notes } = setUp(async () => {
      if (lost) throw new ApiError(0, "unavailable", "no answer", "The gateway did not answer.");
    });
    outbox.connected(true);
    outbox.add("inc", "one");
    await settled();
    expect(notes()).toEqual([{ text: "one", refused: undefined }]);
    lost = false;
    outbox.connected(false);
    outbox.connected(true);
    await settled();
    expect(sent).toHaveLength(2);
    expect(sent[0]?.key).toBe(sent[1]?.key);
    expect(notes()).toEqual([]);
  });

  it("say why one was refused, and go on with the next", async () => {
    const { outbox, sent, notes } = setUp(async (text) => {
      if (text === "one") throw new ApiError(409, "conflict", "over", "the incident is over");
    });
    outbox.add("inc", "one");
    outbox.add("inc", "two");
    outbox.connected(true);
    await settled();
    expect(sent.map((s) => s.text)).toEqual(["one", "two"]);
    expect(notes()).toEqual([{ text: "one", refused: "the incident is over" }]);
  });
});
