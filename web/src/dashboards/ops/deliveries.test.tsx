// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";

import { goldenText } from "../../../test/golden";
import { type Call, Part, Stage, problem } from "../../../test/render";
import type { Delivery } from "../../feed/rest";
import type { Role } from "../../protocol/generated";
import { DeliveriesPanel } from "./deliveries-panel";

function delivery(id: number, part: Partial<Delivery> = {}): Delivery {
  return { id, source: "alertmanager", received_at: "2026-11-23T16:50:00Z", content_type: "application/json", body: btoa("{"), body_bytes: 1, truncated: false, principal: "am", origin: "live", state: "quarantined", reason: "not JSON", ...part };
}

const known = [delivery(31), delivery(30, { source: "sns", reason: "no title" }), delivery(22, { state: "discarded", reason: "a test" }), delivery(3, { state: "recorded", source: "sns", reason: undefined })];

/** Answers as the gateway does, by state, source and words. */
function lists(deliveries: readonly Delivery[]) {
  return ({ path }: Call) => {
    const query = new URLSearchParams(path.split("?")[1]);
    const matches = (d: Delivery) => d.state === query.get("state") && d.source === (query.get("source") ?? d.source) && `${d.source} ${d.reason}`.includes(query.get("q") ?? "");
    return { deliveries: deliveries.filter(matches) };
  };
}

async function setUp(deliveries: readonly Delivery[] = known, role: Role = "responder") {
  const stage = new Stage();
  stage.answers["/deliveries"] = lists(deliveries);
  stage.answers["/sources"] = { sources: [{ name: "cloudevents", about: "", kind: "built in", deliveries: 0, quarantined: 0 }] };
  stage.render(
    <Part now="2026-11-23T17:00:00Z">
      <DeliveriesPanel />
    </Part>,
  );
  await act(async () => stage.connect(role));
  return { stage, user: userEvent.setup({ delay: null }) };
}

const ids = () => screen.queryAllByTestId(/^delivery-\d+$/).map((e) => Number(e.dataset.testid?.slice("delivery-".length)));

describe("finding", () => {
  it("says how many are set aside, and each with its reason", async () => {
    const { stage } = await setUp();
    await act(async () => stage.socket.say(goldenText("system.health")));
    expect(screen.getByTestId("deliveries-count").textContent).toBe("3 set aside");
    expect(screen.getByTestId("deliveries-lost").dataset.lost).toBe("1");
    await waitFor(() => expect(ids()).toEqual([31, 30]));
    expect(screen.getByTestId("delivery-30").textContent).toContain("no title");
  });

  it("by source: those that the gateway has, and those on screen", async () => {
    const { stage } = await setUp();
    await screen.findByTestId("delivery-31");
    const select = screen.getByLabelText<HTMLSelectElement>("Source");
    await waitFor(() => expect(Array.from(select.options, (o) => o.value)).toEqual(["", "alertmanager", "cloudevents", "sns"]));
    fireEvent.change(select, { target: { value: "sns" } });
    await waitFor(() => expect(ids()).toEqual([30]));
    expect(stage.calls.at(-1)?.path).toBe("/deliveries?state=quarantined&source=sns");
  });

  it("by words, once somebody has stopped typing, and by reason", async () => {
    const { stage, user } = await setUp();
    await screen.findByTestId("delivery-31");
    await user.type(screen.getByLabelText("Search deliveries"), "title");
    await waitFor(() => expect(ids()).toEqual([30]));
    expect(stage.calls.filter((c) => c.path.includes("q="))).toHaveLength(1);
    await user.clear(screen.getByLabelText("Search deliveries"));
    await waitFor(() => expect(ids()).toEqual([31, 30]));
    fireEvent.change(screen.getByLabelText("Reason"), { target: { value: "not JSON" } });
    await waitFor(() => expect(ids()).toEqual([31]));
    expect(stage.calls.at(-1)?.path).toBe("/deliveries?state=quarantined&q=not+JSON");
    await user.clear(screen.getByLabelText("Search deliveries"));
    await waitFor(() => expect(ids()).toEqual([31, 30]));
    await user.click(within(screen.getByTestId("delivery-30")).getByRole("button", { name: "all with this reason" }));
    await waitFor(() => expect(ids()).toEqual([30]));
  });

  it("discarded and recorded ones have a place of their own, without verbs", async () => {
    const { user } = await setUp();
    await user.click(screen.getByRole("button", { name: "Discarded" }));
    await waitFor(() => expect(ids()).toEqual([22]));
    expect(screen.getByTestId("delivery-22").textContent).toContain("a test");
    await user.click(screen.getByRole("button", { name: "Recorded" }));
    await waitFor(() => expect(ids()).toEqual([3]));
    expect(screen.queryByTestId("delivery-retry")).toBeNull();
    expect(screen.queryByTestId("delivery-retry-all")).toBeNull();
  });

  it("shows the bytes as text, with the way to all of them", async () => {
    await setUp([delivery(7, { body: btoa("<script>alert(1)</script>"), truncated: true })]);
    const item = await screen.findByTestId("delivery-7");
    expect(item.querySelector("pre")?.textContent).toBe("<script>alert(1)</script>");
    expect(within(item).getByText(/the beginning only/)).toBeTruthy();
    expect(within(item).getByText("Save all bytes as a file").getAttribute("href")).toBe("/api/v1/deliveries/7/body");
  });

  it("reads on; says that there is none; says that it cannot be read", async () => {
    const { stage, user } = await setUp([]);
    expect(await screen.findByText("None: every delivery could be read.")).toBeTruthy();
    await user.type(screen.getByLabelText("Search deliveries"), "x");
    expect(await screen.findByText("Nothing matches.")).toBeTruthy();
    stage.answers["/deliveries"] = problem(503, "unavailable", "the store does not answer");
    await user.clear(screen.getByLabelText("Search deliveries"));
    await user.click(screen.getByRole("button", { name: "Recorded" }));
    expect((await screen.findByRole("alert")).textContent).toContain("the store does not answer");
    stage.answers["/deliveries"] = { deliveries: [delivery(9, { state: "recorded" })], next: 9 };
    await user.click(screen.getByRole("button", { name: "Try again" }));
    stage.answers["/deliveries?state=recorded&before=9"] = { deliveries: [delivery(8, { state: "recorded" })] };
    await user.click(await screen.findByRole("button", { name: "Show older deliveries" }));
    await waitFor(() => expect(ids()).toEqual([9, 8]));
  });
});

describe("retrying", () => {
  it("one: it keeps its place, and it is said which incident came of it", async () => {
    const { stage, user } = await setUp();
    const item = await screen.findByTestId("delivery-30");
    stage.answers["/deliveries/30/retry"] = { delivery_id: 30, state: "received" };
    stage.answers["/deliveries/30"] = delivery(30, { state: "received", reason: undefined });
    stage.answers["/deliveries"] = lists([delivery(31)]);
    await user.click(within(item).getByTestId("delivery-retry"));
    expect((await screen.findByTestId("delivery-fate")).textContent).toBe("Retried: it is being read again.");
    expect(stage.posts).toEqual([{ method: "POST", path: "/deliveries/30/retry", key: expect.stringMatching(/^[0-9a-f]{32}$/), body: {} }]);
    stage.answers["/deliveries/30"] = delivery(30, { state: "normalised", reason: undefined, incident_ids: ["inc-7"] });
    await waitFor(() => expect(screen.getByTestId("delivery-fate").textContent).toBe("Read. Its alerts are in inc-7"), { timeout: 5_000 });
    expect(within(screen.getByTestId("delivery-30")).getByRole("link", { name: "inc-7" }).getAttribute("href")).toBe("/ops/incidents/inc-7");
    expect(ids()).toEqual([31, 30]);
    expect(within(screen.getByTestId("delivery-30")).queryByTestId("delivery-retry")).toBeNull();
  });

  it("one that still cannot be read says so, with the reason of now, and can be tried again", async () => {
    const { stage, user } = await setUp();
    stage.answers["/deliveries/31/retry"] = { delivery_id: 31, state: "quarantined" };
    stage.answers["/deliveries/31"] = delivery(31, { reason: "the mapping finds no title" });
    await user.click(within(await screen.findByTestId("delivery-31")).getByTestId("delivery-retry"));
    expect((await screen.findByTestId("delivery-fate")).textContent).toContain("it still cannot be read");
    await waitFor(() => expect(screen.getByTestId("delivery-31").textContent).toContain("the mapping finds no title"));
    expect(within(screen.getByTestId("delivery-31")).getByTestId("delivery-retry").hasAttribute("disabled")).toBe(false);
  });

  it("a refusal is said where it was asked", async () => {
    const { stage, user } = await setUp();
    stage.answers["/deliveries/31/retry"] = problem(409, "conflict", "noor discarded it 3 s ago");
    await user.click(within(await screen.findByTestId("delivery-31")).getByTestId("delivery-retry"));
    expect((await within(screen.getByTestId("delivery-31")).findByRole("alert")).textContent).toBe("noor discarded it 3 s ago");
  });

  it("all that match: exactly the filter that is on screen", async () => {
    const { stage, user } = await setUp();
    await screen.findByTestId("delivery-31");
    stage.answers["/deliveries/retry"] = { retried: 1 };
    fireEvent.change(screen.getByLabelText("Source"), { target: { value: "sns" } });
    fireEvent.change(screen.getByLabelText("Search deliveries"), { target: { value: "title" } });
    const all = screen.getByTestId("delivery-retry-all");
    expect(all.textContent).toBe("Retry all that match");
    expect(all.hasAttribute("disabled")).toBe(true); // what is on screen does not match the words yet
    await waitFor(() => expect(screen.getByTestId("delivery-retry-all").hasAttribute("disabled")).toBe(false));
    await waitFor(() => expect(ids()).toEqual([30]));
    await user.click(all);
    expect(await screen.findByText("1 is being read again; what still cannot be read comes back here.")).toBeTruthy();
    expect(stage.posts).toMatchObject([{ path: "/deliveries/retry", body: { source: "sns", q: "title" }, key: expect.any(String) }]);
  });

  it("all, where nothing narrows it", async () => {
    const { stage, user } = await setUp();
    await screen.findByTestId("delivery-31");
    stage.answers["/deliveries/retry"] = { retried: 0 };
    await user.click(screen.getByRole("button", { name: "Retry all" }));
    expect(await screen.findByText("None matched.")).toBeTruthy();
    expect(stage.posts[0]?.body).toEqual({});
  });
});

describe("discarding", () => {
  it("asks first, takes a reason, and says what became of it", async () => {
    const { stage, user } = await setUp();
    stage.answers["/deliveries/31/discard"] = { delivery_id: 31, state: "discarded" };
    stage.answers["/deliveries/31"] = delivery(31, { state: "discarded", reason: "a test" });
    await user.click(within(await screen.findByTestId("delivery-31")).getByTestId("delivery-discard"));
    const dialog = await screen.findByRole("dialog", { name: "Discard the delivery" });
    expect(stage.posts).toEqual([]);
    const submit = within(dialog).getByRole("button", { name: "Discard" });
    expect(submit.hasAttribute("disabled")).toBe(true);
    fireEvent.change(within(dialog).getByLabelText("Reason"), { target: { value: " a test " } });
    await user.click(submit);
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(stage.posts).toMatchObject([{ path: "/deliveries/31/discard", body: { reason: "a test" }, key: expect.any(String) }]);
    expect(screen.getByTestId("delivery-fate").textContent).toContain("Discarded.");
    expect(within(screen.getByTestId("delivery-31")).queryByTestId("delivery-discard")).toBeNull();
  });

  it("Escape leaves it as it is", async () => {
    const { stage, user } = await setUp();
    await user.click(within(await screen.findByTestId("delivery-31")).getByTestId("delivery-discard"));
    await screen.findByRole("dialog");
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(stage.posts).toEqual([]);
  });
});

describe("who may not, or cannot now", () => {
  const buttons = () => ["delivery-retry-all", "delivery-retry", "delivery-discard"].flatMap((id) => screen.getAllByTestId(id));

  it("a viewer reads, and is told why there is no more", async () => {
    await setUp(known, "viewer");
    await screen.findByTestId("delivery-31");
    expect(buttons().every((b) => b.hasAttribute("disabled"))).toBe(true);
    expect(screen.getByTestId("deliveries").textContent).toContain("This takes the role responder; dana is viewer");
  });

  it("offline, what is known stays on screen", async () => {
    const { stage } = await setUp();
    await screen.findByTestId("delivery-31");
    await waitFor(() => expect(buttons().every((b) => b.hasAttribute("disabled"))).toBe(false));
    await act(async () => stage.socket.end(4000));
    expect(buttons().every((b) => b.hasAttribute("disabled"))).toBe(true);
    expect(screen.getByTestId("deliveries").textContent).toContain("The connection to the gateway is lost");
    expect(ids()).toEqual([31, 30]);
  });
});
