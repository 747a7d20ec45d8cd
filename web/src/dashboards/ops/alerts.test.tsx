// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, describe, expect, it } from "vitest";

import { story } from "../../../test/golden";
import { type Call, Stage, problem } from "../../../test/render";
import type { IncidentAlert, IncidentKey } from "../../feed/rest";
import type { IncidentEvent, Role } from "../../protocol/generated";
import { OpsPage, prefetch } from "./ops-page";

beforeAll(prefetch);

const moves = story("story-moves").events;
const id = "inc-cart-5h2n8w";
const grouped = moves.slice(0, 8);
const inconclusive = story("story-inconclusive").events;

const key = (service: string) => `{}:{service="${service}"}`;
const keys: IncidentKey[] = [
  { correlation_key: key("cart"), bound_at: "2026-11-23T17:02:48Z", alerts: 3, firing: 2 },
  { correlation_key: key("checkout"), joined_by: "neighbours", bound_at: "2026-11-23T17:02:49Z", alerts: 1, firing: 1 },
  { correlation_key: key("search"), joined_by: "same service", bound_at: "2026-11-23T17:02:50Z", alerts: 3, firing: 0 },
];

function listed(member: string, part: Partial<IncidentAlert> & { service?: string; silenced_by?: string; alertname?: string } = {}): IncidentAlert {
  const { service = "cart", silenced_by, alertname, ...counts } = part;
  return {
    alert: { source: "alertmanager", correlation_key: key(service), fingerprint: member, member, status: "firing", title: `alert ${member}`, service, silenced_by, ...(alertname !== undefined && { labels: { alertname } }) },
    first_at: "2026-11-23T17:02:48Z",
    last_at: "2026-11-23T17:03:00Z",
    deliveries: 1,
    changes: 0,
    ...counts,
  };
}

const page = (alerts: IncidentAlert[], next?: string) => ({ keys, total: 7, firing: 3, alerts, next });

async function setUp(events: IncidentEvent[], role: Role = "responder", answer: unknown = page([listed("075368899556baf7", { deliveries: 14, changes: 9 })])) {
  const stage = new Stage();
  stage.know([events, inconclusive]);
  stage.answers[`/incidents/${id}/alerts`] = answer;
  let at = id;
  const go = (to: string) => {
    at = to;
  };
  stage.render(<OpsPage incidentId={id} go={go} dev={true} now={Date.parse("2026-11-23T17:04:00Z")} />);
  await act(async () => stage.connect(role));
  await screen.findByTestId("incident-detail");
  return { stage, user: userEvent.setup({ delay: null }), where: () => at };
}

const alerts = () => screen.getByTestId("alerts");
const members = () => within(alerts()).getAllByTestId(/^alert-/).map((e) => e.dataset.testid?.slice("alert-".length));
const listCalls = (stage: Stage) => stage.calls.filter((c) => c.path.startsWith(`/incidents/${id}/alerts`)).map((c) => c.path);

describe("the alerts of an incident", () => {
  it("by key, each with how it came to the incident", async () => {
    await setUp(grouped);
    await within(alerts()).findByText(/heard 14 times/);
    const groups = within(alerts()).getAllByRole("region").map((r) => [r.getAttribute("aria-label"), within(r).getByTestId("joined-by").textContent]);
    expect(groups).toEqual([
      [`Alerts of ${key("cart")}`, "the incident was opened for it, 1m ago, 2 of 3 firing"],
      [`Alerts of ${key("checkout")}`, "joined by: neighbours, 1m ago, 1 of 1 firing"],
      [`Alerts of ${key("search")}`, "joined by: same service, 1m ago, 0 of 3 firing"],
    ]);
    expect(screen.getByTestId("alerts-count").textContent).toBe("3 firing, some silenced, of 7");
  });

  it("flapping is said in words", async () => {
    await setUp(grouped, "responder", page([listed("075368899556baf7", { deliveries: 14, changes: 9 }), listed("233c10aa1ccac60e", { deliveries: 3, changes: 1 })]));
    const flapping = await within(screen.getByTestId("alert-075368899556baf7")).findByTestId("heard");
    expect(flapping.textContent).toBe("heard 14 times, first 1m agoflaps: changed 9 times");
    expect(within(screen.getByTestId("alert-233c10aa1ccac60e")).getByTestId("heard").textContent).toBe("heard 3 times, first 1m agochanged once");
    expect(within(screen.getByTestId("alert-25e0658c92633e9b")).queryByTestId("heard")).toBeNull(); // nothing is known of it
  });

  it("one that is silenced says by what, and leads there", async () => {
    const { stage, user } = await setUp(grouped);
    const silenced = screen.getByTestId("alert-25e0658c92633e9b");
    expect(silenced.dataset.state).toBe("silenced");
    expect(silenced.textContent).toContain("silenced");
    stage.answers["/silences"] = { silences: [] };
    await user.click(within(silenced).getByRole("button", { name: "sil-8f2k" }));
    expect(await screen.findByRole("dialog", { name: "System" })).toBeTruthy();
    expect(await screen.findByText("The silence sil-8f2k is not among the latest.")).toBeTruthy();
  });

  it("without what the gateway counts, what the events say is still there", async () => {
    await setUp(grouped, "responder", problem(503, "unavailable", "the store does not answer"));
    expect(await within(alerts()).findByText(/cannot be read now: the store does not answer/)).toBeTruthy();
    expect(members()).toHaveLength(3);
    expect(screen.getByTestId("incident-split").hasAttribute("disabled")).toBe(true);
    expect(screen.getByTestId("incident-split").title).toBe("It is not known which keys the alerts came with");
  });

  it("an incident without alerts says so, and asks for none", async () => {
    const { stage } = await setUp(grouped.slice(0, 1));
    expect(alerts().textContent).toContain("No alert belongs to this incident.");
    expect(listCalls(stage)).toEqual([]);
  });

  it("and four more: the whole list, page by page, searched by the gateway", async () => {
    const answer = ({ path }: Call) => {
      const query = new URLSearchParams(path.split("?")[1]);
      if (query.get("q") === "disk") return page([listed("d1")]);
      return query.get("after") === "c2" ? page([listed("m3", { service: "search", silenced_by: "sil-8f2k" })]) : page([listed("m1"), listed("m2")], "c2");
    };
    const { stage, user } = await setUp(grouped, "responder", answer);
    await user.click(screen.getByTestId("alerts-more"));
    await waitFor(() => expect(members()).toEqual(["m1", "m2"]));
    await user.click(within(alerts()).getByRole("button", { name: "Show more alerts" }));
    await waitFor(() => expect(members()).toEqual(["m1", "m2", "m3"]));
    expect(within(alerts()).queryByRole("button", { name: "Show more alerts" })).toBeNull();
    expect(screen.getByTestId("alert-m3").dataset.state).toBe("silenced");
    fireEvent.change(within(alerts()).getByLabelText("Search alerts"), { target: { value: "disk" } });
    await waitFor(() => expect(members()).toEqual(["d1"]));
    expect(listCalls(stage)).toEqual([`/incidents/${id}/alerts?limit=50`, `/incidents/${id}/alerts?after=c2&limit=50`, `/incidents/${id}/alerts?q=disk&limit=50`]);
    await user.click(within(alerts()).getByRole("button", { name: "Show fewer" }));
    expect(members()).toHaveLength(3);
  });

  it("what events say since is newer than the list, and the list is read anew", async () => {
    const { stage, user } = await setUp(grouped, "responder", page([listed("075368899556baf7"), listed("cca1b40e8f277c19")]));
    await user.click(screen.getByTestId("alerts-more"));
    await waitFor(() => expect(members()).toHaveLength(2));
    expect(screen.getByTestId("alert-075368899556baf7").dataset.state).toBe("resolved");
    expect(screen.getByTestId("alert-cca1b40e8f277c19").dataset.state).toBe("silenced");
    const mention = { ...(grouped[7] as IncidentEvent), seq: 9, id: "x/9", epoch: "e", offset: 2, data: { alerts: [{ member: "cca1b40e8f277c19", status: "resolved" }] } };
    await act(async () => stage.socket.say(mention));
    expect(screen.getByTestId("alert-cca1b40e8f277c19").dataset.state).toBe("resolved");
    const before = listCalls(stage).length;
    await waitFor(() => expect(listCalls(stage).length).toBeGreaterThan(before), { timeout: 5_000 });
  });
});

describe("silencing what is here", () => {
  it("one alert: its service and its name are filled in", async () => {
    const { user } = await setUp(grouped);
    await user.click(within(screen.getByTestId("alert-233c10aa1ccac60e")).getByRole("button", { name: "Silence checkout 2" }));
    const dialog = await screen.findByRole("dialog", { name: "Silence alerts" });
    const value = (label: string) => within(dialog).getByLabelText<HTMLInputElement>(label).value;
    expect([value("Name 1"), value("Value 1"), value("Name 2"), value("Value 2")]).toEqual(["service", "checkout", "title", "checkout 2"]);
  });

  it("the incident: what its alerts have in common; then exactly that is sent", async () => {
    const { stage, user } = await setUp(grouped.slice(0, 3));
    await user.click(within(alerts()).getByRole("button", { name: "Silence" }));
    const dialog = await screen.findByRole("dialog", { name: "Silence alerts" });
    fireEvent.change(within(dialog).getByLabelText("Reason"), { target: { value: "known" } });
    stage.answers["/silences"] = { id: "sil-1" };
    await user.click(within(dialog).getByRole("button", { name: "Silence" }));
    await waitFor(() => expect(stage.posts).toHaveLength(1));
    expect(stage.posts[0]).toMatchObject({
      path: "/silences",
      body: {
        matchers: [
          { name: "service", op: "=", value: "cart" },
          { name: "title", op: "=", value: "cart 1" },
        ],
        ends_at: "2026-11-23T18:04:00.000Z",
      },
    });
  });
});

describe("merging", () => {
  it("into another open incident, with a reason", async () => {
    const { stage, user } = await setUp(grouped);
    await user.click(screen.getByTestId("incident-merge"));
    const dialog = await screen.findByRole("dialog", { name: "Merge into another incident" });
    const submit = within(dialog).getByRole("button", { name: "Merge" });
    expect(within(dialog).getAllByRole("radio")).toHaveLength(1); // not into itself
    fireEvent.change(within(dialog).getByLabelText("Search open incidents"), { target: { value: "nothing like it" } });
    expect(dialog.textContent).toContain("Nothing matches.");
    fireEvent.change(within(dialog).getByLabelText("Search open incidents"), { target: { value: "billing" } });
    await user.click(within(dialog).getByRole("radio"));
    expect(submit.hasAttribute("disabled")).toBe(true);
    fireEvent.change(within(dialog).getByLabelText("Reason"), { target: { value: "same failover" } });
    stage.answers[`/incidents/${id}/merge`] = { move: { id: "mov-9", from: id, to: "inc-billing-2c9x1p", all: true, count: 7, by: "dana", reason: "same failover" } };
    await user.click(submit);
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(stage.posts).toEqual([{ method: "POST", path: `/incidents/${id}/merge`, key: expect.stringMatching(/^[0-9a-f]{32}$/), body: { into: "inc-billing-2c9x1p", reason: "same failover" } }]);
    expect(screen.getByText(/On its way to/).textContent).toBe("On its way to inc-billing-2c9x1p");
  });

  it("an incident that ends meanwhile can no longer be chosen", async () => {
    const { stage, user } = await setUp(grouped);
    await user.click(screen.getByTestId("incident-merge"));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("radio"));
    fireEvent.change(within(dialog).getByLabelText("Reason"), { target: { value: "x" } });
    const last = inconclusive.at(-1) as IncidentEvent;
    await act(async () => stage.socket.say({ ...last, type: "incident.closed", seq: last.seq + 1, id: "b/99", epoch: "e", offset: 2, data: { status: "resolved", outcome: "resolved_by_person", by: "noor", reason: "done" } }));
    expect(dialog.textContent).toContain("No other incident is open.");
    expect(within(dialog).getByRole("button", { name: "Merge" }).hasAttribute("disabled")).toBe(true);
  });

  it("a refusal is said in the dialog", async () => {
    const { stage, user } = await setUp(grouped);
    await user.click(screen.getByTestId("incident-merge"));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("radio"));
    fireEvent.change(within(dialog).getByLabelText("Reason"), { target: { value: "x" } });
    stage.answers[`/incidents/${id}/merge`] = problem(409, "conflict", "it was merged 3 s ago");
    await user.click(within(dialog).getByRole("button", { name: "Merge" }));
    expect((await within(dialog).findByRole("alert")).textContent).toBe("it was merged 3 s ago");
  });

  it("merged: the list and the header say so, and lead to the other incident", async () => {
    const { user, where } = await setUp(moves);
    expect(screen.getByTestId(`incident-${id}`).textContent).toContain("Merged");
    const outcome = screen.getByTestId("outcome");
    expect(outcome.dataset.outcome).toBe("merged");
    expect(within(screen.getByTestId("moves")).getAllByRole("link").map((l) => l.textContent)).toEqual(["inc-checkout-9d4c1b", "inc-search-1p6v3x", "inc-orders-2k8s5q"]);
    expect(screen.getByTestId("move-mov-1").textContent).toBe("2 alerts moved to incident inc-checkout-9d4c1b, says alice: checkout has a deployment of its own to blame");
    expect(screen.queryByTestId("incident-merge")).toBeNull();
    expect(screen.queryByTestId("incident-split")).toBeNull();
    expect(within(screen.getByTestId("timeline")).getAllByRole("link").filter((l) => l.textContent?.startsWith("inc-"))).toHaveLength(3);
    await user.click(within(outcome).getByRole("link", { name: "inc-orders-2k8s5q" }));
    expect(where()).toBe("/ops/incidents/inc-orders-2k8s5q");
  });
});

describe("splitting", () => {
  it("some keys, not all, with a reason; and says where they went until the event comes", async () => {
    const { stage, user } = await setUp(grouped);
    await waitFor(() => expect(screen.getByTestId("incident-split").hasAttribute("disabled")).toBe(false));
    await user.click(screen.getByTestId("incident-split"));
    const dialog = await screen.findByRole("dialog", { name: "Split off another problem" });
    const submit = within(dialog).getByRole("button", { name: "Split off" });
    fireEvent.change(within(dialog).getByLabelText("Reason"), { target: { value: "another deployment" } });
    expect(submit.hasAttribute("disabled")).toBe(true);
    for (const service of ["cart", "checkout", "search"]) await user.click(within(dialog).getByLabelText(key(service)));
    expect(dialog.textContent).toContain("Something has to stay");
    expect(submit.hasAttribute("disabled")).toBe(true);
    await user.click(within(dialog).getByLabelText(key("cart")));
    expect(dialog.textContent).toContain("4 alerts leave this incident.");
    const move = { id: "mov-1", from: id, to: "inc-checkout-9d4c1b", count: 2, by: "alice", reason: "another deployment" };
    stage.answers[`/incidents/${id}/split`] = { move };
    await user.click(submit);
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(stage.posts).toEqual([{ method: "POST", path: `/incidents/${id}/split`, key: expect.stringMatching(/^[0-9a-f]{32}$/), body: { correlation_keys: [key("checkout"), key("search")], reason: "another deployment" } }]);
    expect(screen.getByText(/On its way to/).textContent).toBe("On its way to inc-checkout-9d4c1b");
    await act(async () => stage.socket.say({ ...(moves[8] as IncidentEvent), epoch: "e", offset: 2 }));
    expect(screen.queryByText(/On its way to/)).toBeNull();
    expect(screen.getByTestId("move-mov-1").textContent).toContain("2 alerts moved to incident inc-checkout-9d4c1b");
  });

  it("what was split off is no longer its own: not listed, and not to be split off again", async () => {
    const gone = { moved_to: "inc-checkout-9d4c1b" };
    const rest = keys.map((k) => (k.correlation_key === key("checkout") ? { ...k, ...gone } : k));
    const { user } = await setUp(grouped, "responder", { ...page([listed("m1"), { ...listed("m2", { service: "checkout" }), ...gone }]), keys: rest });
    await waitFor(() => expect(screen.getByTestId("incident-split").hasAttribute("disabled")).toBe(false));
    await user.click(screen.getByTestId("alerts-more"));
    await waitFor(() => expect(members()).toEqual(["m1"]));
    await user.click(screen.getByTestId("incident-split"));
    const dialog = await screen.findByRole("dialog", { name: "Split off another problem" });
    expect(within(dialog).getAllByRole("checkbox").map((c) => c.getAttribute("aria-label"))).toEqual([key("cart"), key("search")]);
    for (const service of ["cart", "search"]) await user.click(within(dialog).getByLabelText(key(service)));
    expect(dialog.textContent).toContain("Something has to stay");
  });

  it("what came with one key cannot be split, and the button says why", async () => {
    await setUp(grouped, "responder", { ...page([]), keys: keys.slice(0, 1) });
    await waitFor(() => expect(screen.getByTestId("incident-split").title).toBe("All alerts came with one key: there is nothing to split"));
    expect(screen.getByTestId("incident-split").hasAttribute("disabled")).toBe(true);
  });
});

describe("who may not, or cannot now", () => {
  const buttons = () => [screen.getByTestId("incident-merge"), screen.getByTestId("incident-split"), ...within(alerts()).getAllByRole("button", { name: /^Silence/ })];

  it("a viewer", async () => {
    await setUp(grouped, "viewer");
    await within(alerts()).findByText(/heard 14 times/);
    for (const b of buttons()) {
      expect(b.hasAttribute("disabled")).toBe(true);
      expect(b.title).toBe("This takes the role responder; dana is viewer");
    }
  });

  it("offline", async () => {
    const { stage } = await setUp(grouped);
    await waitFor(() => expect(buttons().every((b) => b.hasAttribute("disabled"))).toBe(false));
    await act(async () => stage.socket.end(4000));
    expect(buttons().every((b) => b.hasAttribute("disabled"))).toBe(true);
    expect(members()).toHaveLength(3);
  });
});
