// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, describe, expect, it } from "vitest";

import { goldenText, story } from "../../../test/golden";
import { Stage, problem, useOpsAddress } from "../../../test/render";
import type { IncidentEvent } from "../../protocol/generated";
import { OpsPage, prefetch } from "./ops-page";

beforeAll(prefetch);

const deployment = story("story").events;
const awaiting = deployment.slice(0, 40);
const inconclusive = story("story-inconclusive").events;
const aborted = story("story-aborted").events;
const dryRun = aborted.slice(0, -1);
const id = "inc-checkout-7f3k2m";

function Page({ open, sandbox }: { open?: string; sandbox?: boolean }) {
  return <OpsPage {...useOpsAddress(open)} dev={true} sandbox={sandbox} now={Date.parse("2026-11-23T14:05:00Z")} />;
}

async function setUp(stories: IncidentEvent[][], open?: string, role: "viewer" | "responder" | "approver" = "approver") {
  const stage = new Stage();
  stage.know(stories);
  stage.render(<Page open={open} />);
  await act(async () => stage.connect(role));
  if (open !== undefined) await screen.findByTestId("incident-detail");
  return { stage, user: userEvent.setup() };
}

function nextEvent(event: IncidentEvent | undefined, change: Partial<IncidentEvent> = {}): unknown {
  return { ...event, epoch: "e", offset: (event?.offset ?? 0) + 1, ...change };
}

describe("the list", () => {
  it("says that nothing is known before the first snapshot, and nothing there after an empty one", async () => {
    const stage = new Stage();
    stage.render(<Page />);
    expect(screen.getByRole("status", { name: "Waiting for the gateway" })).toBeTruthy();
    expect(screen.getByTestId("count-open").textContent).toBe("no data");
    await act(async () => stage.connect());
    expect(await screen.findByText("No incidents. It is quiet.")).toBeTruthy();
    expect(screen.getByTestId("count-open").textContent).toBe("0");
  });

  it("has those that need a person first, then the rest, then what is over", async () => {
    await setUp([deployment, inconclusive, deployment.slice(0, 20).map((e) => ({ ...e, incident_id: "inc-new", run_id: "run-new" }))]);
    const items = screen.getAllByTestId(/^incident-inc-/);
    expect(items.map((i) => [i.dataset.testid, i.dataset.status, i.dataset.seq])).toEqual([
      ["incident-inc-billing-2c9x1p", "needs_human", "19"],
      ["incident-inc-new", "investigating", "20"],
      [`incident-${id}`, "resolved", "69"],
    ]);
    expect(within(items[1] as HTMLElement).getByRole("img", { name: "Severity high" })).toBeTruthy();
    expect(within(items[1] as HTMLElement).getByText("simulated")).toBeTruthy();
  });

  it("filters by words and by what is needed", async () => {
    const { user } = await setUp([awaiting, inconclusive, aborted]);
    await user.type(screen.getByLabelText("Filter incidents"), "billing");
    expect(screen.getAllByTestId(/^incident-inc-/)).toHaveLength(1);
    await user.clear(screen.getByLabelText("Filter incidents"));
    await user.click(screen.getByRole("button", { name: "Over" }));
    expect(screen.getAllByTestId(/^incident-inc-/).map((i) => i.dataset.status)).toEqual(["aborted"]);
    await user.type(screen.getByLabelText("Filter incidents"), "nothing like it");
    expect(screen.getByText("Nothing matches this filter.")).toBeTruthy();
  });

  it("follows live events, and says aloud what comes to need a person", async () => {
    const { stage } = await setUp([awaiting.slice(0, 37)]);
    expect(screen.getByTestId("announcer").textContent).toBe("");
    await act(async () => stage.socket.say(nextEvent(deployment[37])));
    expect(screen.getByTestId(`incident-${id}`).dataset.status).toBe("awaiting_approval");
    expect(screen.getByTestId("announcer").textContent).toContain("Checkout latency is high needs a person");
    expect(document.title).toMatch(/^\(1\) /);
  });

  it("is walked by j and k, unless somebody types", async () => {
    const { user } = await setUp([awaiting, inconclusive]);
    await user.keyboard("j");
    expect((await screen.findByTestId("incident-detail")).dataset.incident).toBe(id);
    await user.keyboard("j");
    await waitFor(() => expect(screen.getByTestId("incident-detail").dataset.incident).toBe("inc-billing-2c9x1p"));
    await user.keyboard("k");
    await waitFor(() => expect(screen.getByTestId("incident-detail").dataset.incident).toBe(id));
    await user.type(screen.getByLabelText("Filter incidents"), "j");
    expect(screen.getByTestId("incident-detail").dataset.incident).toBe(id);
  });
});

describe("an incident", () => {
  it("shows its story so far, each part with where it comes from", async () => {
    await setUp([awaiting], id);
    expect(screen.getByTestId("incident-detail").dataset).toMatchObject({
      status: "awaiting_approval",
      seq: "40",
      cause: "bad_deployment",
      verdict: "probable",
      run: deployment[0]?.run_id,
    });
    expect(screen.getByTestId("phase-diagnosis").dataset.state).toBe("completed");
    expect(screen.getByTestId("phase-approval").dataset.state).toBe("running");
    expect(screen.getByTestId("phase-review").dataset.state).toBe("pending");
    const diagnosis = screen.getByTestId("agent-diagnosis");
    expect(diagnosis.textContent).toContain("amazon.nova-pro-v1:0 · 4,702 in / 208 out");
    expect(within(diagnosis).getByText("repeated, attempt 2")).toBeTruthy();
    expect(within(diagnosis).getByText("simulated")).toBeTruthy();
    expect(screen.getByTestId("agent-resolution").textContent).toContain("price unknown");
    expect(within(screen.getByTestId("diagnosis")).getByText("unsupported: cites nothing that exists")).toBeTruthy();
    expect(screen.getAllByRole("img", { name: /Latency p95: from/ })).toHaveLength(1);
  });

  it("a citation opens what it cites", async () => {
    const { user } = await setUp([awaiting], id);
    const evidence = screen.getByTestId("evidence-E6");
    expect(within(evidence).queryByText(/Connections/)).toBeNull();
    await user.click(within(screen.getByTestId("diagnosis")).getByRole("button", { name: "E6" }));
    expect(within(evidence).getByText("Connections")).toBeTruthy();
  });

  it("inconclusive: says what was looked for, and that a person has it", async () => {
    await setUp([inconclusive], "inc-billing-2c9x1p");
    expect(screen.getByTestId("needs-human").dataset.handover).toBe("inconclusive");
    expect(screen.getByTestId("looked-for").textContent).toContain("Looked for 4 things, found 0");
    expect(screen.getByTestId("incident-detail").dataset.verdict).toBe("inconclusive");
    expect(screen.getByTestId("phase-detection").dataset.state).toBe("degraded");
  });

  it("resolved: shows the measures before and now, the action, and who decided", async () => {
    await setUp([deployment], id);
    expect(screen.getByTestId("verification-state").dataset.state).toBe("helped");
    expect(screen.getByTestId("verification").textContent).toContain("3 of 3");
    expect(screen.getByTestId("execution-state").dataset.state).toBe("succeeded");
    expect(screen.getByTestId("proposal-outcome").textContent).toContain("Approved by noor");
    expect(screen.getByTestId("outcome").dataset.outcome).toBe("remediated");
    expect(screen.queryByRole("button", { name: "Approve" })).toBeNull();
    expect(screen.queryByRole("button", { name: "Resolve" })).toBeNull();
  });

  it("aborted: says so although no workflow can", async () => {
    await setUp([aborted], "inc-orders-9d4t7w");
    expect(screen.getByTestId("incident-detail").dataset.status).toBe("aborted");
    expect(screen.getByTestId("proposal-state").dataset.state).toBe("voided");
  });

  it("escalation is on the timeline and on the proposal", async () => {
    await setUp([deployment.slice(0, 45)], id);
    expect(screen.getByTestId("timeline").textContent).toContain("Escalated to engineering leads (level 1)");
    expect(screen.getByTestId("proposal").textContent).toContain("engineering leads (escalated, level 1)");
  });

  it("what a model or a person wrote is text, whatever it looks like", async () => {
    const nasty = "<img src=x onerror=alert(1)> **bold**";
    const noted = deployment[39] as IncidentEvent;
    await setUp([[...awaiting.slice(0, 39), { ...noted, data: { by: "dana", text: nasty } } as IncidentEvent]], id);
    expect(within(screen.getByTestId("timeline")).getByText((_, e) => e?.textContent === `dana: ${nasty}`)).toBeTruthy();
    expect(document.querySelector("img")).toBeNull();
  });

  it("that does not exist, or cannot be read, is said", async () => {
    const stage = new Stage();
    stage.render(<Page open="inc-none" />);
    await act(async () => stage.connect());
    expect(await screen.findByText("There is no such incident")).toBeTruthy();
  });
});

describe("deciding", () => {
  it("approves exactly what is shown, and shows the decision when it comes", async () => {
    const { stage, user } = await setUp([awaiting], id);
    stage.answers[`/incidents/${id}/decisions`] = {};
    await user.type(screen.getByLabelText("Comment on the decision"), "go");
    await user.click(screen.getByRole("button", { name: "Approve" }));
    const call = stage.calls.find((c) => c.method === "POST");
    expect(call).toMatchObject({
      path: `/incidents/${id}/decisions`,
      body: { decision: "approve", proposal_id: "P1", action_hash: screen.getByTestId("action-hash").dataset.hash, comment: "go" },
    });
    expect(call?.key).toBeTruthy();
    expect(await screen.findByText("Recorded.")).toBeTruthy();
    const decided = deployment[45] as IncidentEvent;
    await act(async () =>
      stage.socket.say(nextEvent(decided, { seq: 41, id: "x/41", data: { proposal_id: "P1", state: "approved", by: "dana" } } as Partial<IncidentEvent>)),
    );
    expect(screen.getByTestId("proposal-state").dataset.state).toBe("approved");
    expect(screen.getByTestId("proposal-outcome").textContent).toContain("Approved by dana");
  });

  it("shows why a decision was refused", async () => {
    const { stage, user } = await setUp([awaiting], id);
    stage.answers[`/incidents/${id}/decisions`] = problem(409, "conflict", "noor rejected it 3 s ago");
    await user.click(screen.getByRole("button", { name: "Reject" }));
    expect((await screen.findByTestId("decision-error")).textContent).toBe("noor rejected it 3 s ago");
    expect(stage.calls.filter((c) => c.method === "POST")).toHaveLength(1);
  });

  it("tries again with the same key while nothing is known, and with a new one for another decision", async () => {
    const { stage, user } = await setUp([awaiting], id);
    stage.answers[`/incidents/${id}/decisions`] = problem(503, "unavailable", "no worker answers");
    const approve = screen.getByRole("button", { name: "Approve" });
    await user.click(approve);
    await screen.findByText("no worker answers");
    await user.click(approve);
    await user.click(screen.getByRole("button", { name: "Reject" }));
    const keys = stage.calls.filter((c) => c.method === "POST").map((c) => c.key);
    expect(keys).toHaveLength(3);
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  it("is not offered to somebody who may not, and says why", async () => {
    await setUp([awaiting], id, "responder");
    expect(screen.getByRole("button", { name: "Approve" }).hasAttribute("disabled")).toBe(true);
    expect(screen.getByTestId("proposal").textContent).toContain("This takes the role approver; dana is responder");
  });

  it("is not offered where the hash is not that of the action shown", async () => {
    const events = awaiting.map((e) => {
      if (e.type !== "approval.requested") return e;
      const { proposal } = e.data;
      return { ...e, data: { proposal: { ...proposal, action: { ...proposal.action, target: "orders" } } } };
    });
    await setUp([events], id);
    expect(screen.getByRole("button", { name: "Approve" }).hasAttribute("disabled")).toBe(true);
    expect(screen.getByTestId("proposal").textContent).toContain("do not decide on it");
  });

  it("a dry run is marked as one", async () => {
    await setUp([dryRun], "inc-orders-9d4t7w");
    expect(screen.getByTestId("proposal").textContent).toContain("Approving shows what would run, and runs nothing");
  });

  it("the key a goes to Approve and decides nothing by itself", async () => {
    const { stage, user } = await setUp([awaiting], id);
    await user.keyboard("a");
    expect(document.activeElement).toBe(screen.getByRole("button", { name: "Approve" }));
    expect(stage.calls.filter((c) => c.method === "POST")).toHaveLength(0);
  });
});

describe("what a person can do at any time", () => {
  it("acknowledges", async () => {
    const { stage, user } = await setUp([inconclusive], "inc-billing-2c9x1p");
    stage.answers["/incidents/inc-billing-2c9x1p/acknowledge"] = { seq: 20 };
    await user.click(screen.getByRole("button", { name: "Acknowledge" }));
    expect(stage.calls.at(-1)).toMatchObject({ method: "POST", path: "/incidents/inc-billing-2c9x1p/acknowledge", body: {} });
  });

  it("resolves only with a reason", async () => {
    const { stage, user } = await setUp([inconclusive], "inc-billing-2c9x1p");
    stage.answers["/incidents/inc-billing-2c9x1p/resolve"] = { seq: 20 };
    await user.click(screen.getByRole("button", { name: "Resolve" }));
    const dialog = await screen.findByRole("dialog");
    const submit = within(dialog).getByRole("button", { name: "Resolve" });
    expect(submit.hasAttribute("disabled")).toBe(true);
    await user.type(within(dialog).getByLabelText("Reason"), "restarted by hand");
    await user.click(submit);
    await waitFor(() => expect(stage.calls.at(-1)).toMatchObject({ path: "/incidents/inc-billing-2c9x1p/resolve", body: { reason: "restarted by hand" } }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });

  it("nothing, as a viewer", async () => {
    await setUp([inconclusive], "inc-billing-2c9x1p", "viewer");
    for (const name of ["Acknowledge", "Note", "Severity", "Resolve"]) {
      expect(screen.getByRole("button", { name }).hasAttribute("disabled")).toBe(true);
    }
  });
});

describe("Vigil itself", () => {
  it("says no data where there is none, and figures where there are", async () => {
    const { stage } = await setUp([]);
    stage.answers["/deliveries"] = { deliveries: [] };
    expect(screen.getByTestId("system-health").textContent).toContain("No data");
    expect(screen.getByTestId("aws-services").textContent).toContain("No data");
    await act(async () => {
      for (const name of ["system.health", "business.metrics", "aws.services"]) stage.socket.say(goldenText(name));
    });
    expect(screen.getByTestId("component-worker").dataset.state).toBe("degraded");
    expect(screen.getByTestId("business").textContent).toContain("14 m 31 s11 m 42 s to 18 m 50 s (95 %), from 58");
    expect(screen.getByTestId("aws-services").textContent).toContain("AccessDeniedException");
    expect(screen.getByTestId("set-aside").dataset).toMatchObject({ quarantined: "3", lost: "1" });
  });

  it("shows the bytes of a delivery as text", async () => {
    const { stage, user } = await setUp([]);
    const delivery = { id: 7, source: "alertmanager", received_at: "2026-11-23T14:00:00Z", content_type: "text/html", body: btoa("<script>alert(1)</script>"), body_bytes: 25, truncated: false, principal: "x", origin: "live", state: "quarantined", reason: "not JSON" };
    stage.answers["/deliveries"] = { deliveries: [delivery] };
    await act(async () => stage.socket.say(goldenText("system.health")));
    const item = await screen.findByTestId("delivery-7");
    await user.click(within(item).getByText(/Bytes as they came/));
    expect(item.querySelector("pre")?.textContent).toBe("<script>alert(1)</script>");
    expect(item.querySelector("script")).toBeNull();
  });

  it("offers faults where there is a sandbox", async () => {
    const stage = new Stage();
    stage.answers["/demo"] = { faults: [{ name: "memory_leak", title: "Memory leak" }] };
    stage.answers["/demo/faults"] = {};
    stage.render(<Page sandbox />);
    await act(async () => stage.connect());
    const user = userEvent.setup();
    await user.click(await screen.findByTestId("demo"));
    await user.click(await screen.findByRole("button", { name: "Start: Memory leak" }));
    expect(stage.calls.find((c) => c.method === "POST")).toMatchObject({ path: "/demo/faults", body: { fault: "memory_leak" } });
  });

  it("without a sandbox there are no demo controls, and nobody asks for them", async () => {
    const { stage } = await setUp([]);
    await waitFor(() => expect(stage.calls.length).toBeGreaterThan(0));
    expect(screen.queryByTestId("demo")).toBeNull();
    expect(stage.calls.some((c) => c.path === "/demo")).toBe(false);
  });

  it("says who is looking, and that development mode gave the name", async () => {
    await setUp([]);
    expect(screen.getByTestId("principal").textContent).toBe("danadev");
  });
});

describe("the connection", () => {
  it("shows quality in a word, and says when what is shown may be old", async () => {
    const { stage, user } = await setUp([awaiting], id);
    await act(async () => stage.socket.say({ type: "position", epoch: "e", offset: 1, rtt_ms: 61 }));
    const badge = screen.getByTestId("connection");
    expect(badge.dataset.state).toBe("live");
    expect(badge.textContent).toContain("Good");
    await act(async () => stage.socket.end(4000));
    expect(badge.dataset.state).toBe("reconnecting");
    expect(screen.getByText(/What you see may be out of date: the gateway is shutting down/)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Reconnect now" }));
    expect(stage.sockets).toHaveLength(2);
  });

  it("the help lists the keys", async () => {
    await setUp([]);
    fireEvent.keyDown(window, { key: "?" });
    expect(await screen.findByRole("dialog", { name: "Keyboard and signs" })).toBeTruthy();
  });
});
