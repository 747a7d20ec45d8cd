// @vitest-environment happy-dom
/** Deciding on actions, carrying them out and what came of them, on the page of their incident. */
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, describe, expect, it } from "vitest";

import { story } from "../../../test/golden";
import { Stage, problem, useOpsAddress } from "../../../test/render";
import { type IncidentEvent, type Remediation, type RemediationState, type Role, remediationStateValues } from "../../protocol/generated";
import { OpsPage, prefetch } from "./ops-page";

beforeAll(prefetch);

const payments = story("story-actions").events;
const unsafe = story("story-unsafe").events;
const id = "inc-payments-4k7d2r";
const stale = "inc-catalog-2n6x8f";

/** The story up to its nth event of a type. */
function until(type: IncidentEvent["type"], nth = 1, events = payments): IncidentEvent[] {
  let seen = 0;
  const at = events.findIndex((e) => e.type === type && ++seen === nth);
  if (at === -1) throw new Error(`the story has no ${nth}. event of type ${type}`);
  return events.slice(0, at + 1);
}

/** The story with the latest remediation changed. */
function ending(events: IncidentEvent[], change: Partial<Remediation>): IncidentEvent[] {
  const last = events.at(-1);
  const told = events.findLast((e) => e.type === "remediation.changed");
  if (last === undefined || told === undefined) throw new Error("no action was carried out yet");
  return [...events, { ...told, id: `${last.run_id}/${last.seq + 1}`, seq: last.seq + 1, at: last.at, data: { remediation: { ...told.data.remediation, ...change } } }];
}

function Page({ open }: { open: string }) {
  return <OpsPage {...useOpsAddress(open)} dev={false} now={Date.parse("2026-11-23T18:04:10Z")} />;
}

async function setUp(events: IncidentEvent[], { role = "approver", open = id, answers = {} }: { role?: Role; open?: string; answers?: Record<string, unknown> } = {}) {
  const stage = new Stage();
  stage.answers = answers;
  stage.know([events]);
  stage.render(<Page open={open} />);
  await act(async () => stage.connect(role)); // as dana
  await screen.findByTestId("incident-detail");
  return { stage, user: userEvent.setup({ delay: null }) };
}

function approve(): HTMLButtonElement {
  return within(screen.getByTestId("proposal")).getByRole("button", { name: /^Approve/ });
}

describe("a proposal", () => {
  it("shows each step with its arguments, what undoes it, what has to hold and how the target was", async () => {
    await setUp(until("approval.requested"));
    const card = within(screen.getByTestId("proposal"));
    const second = card.getByTestId("step-2");
    expect(second.textContent).toContain("Vigil-SetParameter through ssm");
    expect(second.textContent).toContain("/payments/pool-size");
    expect(second.textContent).toContain("Undone by Vigil-SetParameter Value 20, the rest as above");
    expect(card.getByTestId("precondition").textContent).toContain("desired count is 4, and task definition is payments:118");
    expect(card.getByTestId("planned").textContent).toContain("task_definitionpayments:118");
    expect(screen.getByTestId("action-hash").textContent).toContain("The hash is that of the action shown");
  });

  it("says which rule of the policy asks whom, and what bounds it", async () => {
    await setUp(until("approval.requested", 3), { role: "viewer" });
    const ruling = within(screen.getByTestId("proposal")).getByTestId("ruling");
    expect(ruling.dataset.autonomy).toBe("approve");
    expect(ruling.textContent).toContain("One person has to approve.");
    expect(ruling.textContent).toContain("Rule low risk: the risk is low and it can be taken back");
    expect(ruling.textContent).toContain("a person put it forward");
    expect(screen.getByTestId("proposal").textContent).toContain("Put forward by dana: the pool was made smaller");
  });

  it("counts two people, and says who agreed", async () => {
    const { stage } = await setUp(until("approval.requested"));
    expect(screen.getByTestId("approvals").dataset).toMatchObject({ have: "0", need: "2" });
    expect(screen.getByTestId("approvals").textContent).toContain("more people have to agree");
    const given = payments.find((e) => e.type === "approval.given") as IncidentEvent;
    await act(async () => payments.slice(until("approval.requested").length, payments.indexOf(given) + 1).forEach((e) => stage.socket.say({ ...e, epoch: "e" })));
    expect(screen.getByTestId("approvals").textContent).toContain("Approvals: 1 of 2, one more person has to agree");
    expect(screen.getByTestId("approvals").textContent).toContain("noor: Load is real.");
    expect(approve().disabled).toBe(false);
  });

  it("is not approved twice by one person, who may still reject it", async () => {
    const events = until("approval.given").map((e) => (e.type === "approval.given" ? { ...e, data: { ...e.data, by: "dana" } } : e));
    await setUp(events);
    expect(approve().disabled).toBe(true);
    expect(screen.getByTestId("may-not-decide").textContent).toContain("You have approved it already: 2 different people have to");
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Reject" }).disabled).toBe(false);
  });

  it("is not approved by whoever put it forward", async () => {
    await setUp(until("approval.requested", 3));
    expect(approve().disabled).toBe(true);
    expect(screen.getByTestId("may-not-decide").textContent).toContain("You put this forward: somebody else has to approve it");
  });

  it("takes the role that the policy asks for", async () => {
    const events = until("approval.requested").map((e) => {
      if (e.type !== "approval.requested") return e;
      const { proposal } = e.data;
      return { ...e, data: { proposal: { ...proposal, ruling: { ...proposal.ruling, role: "admin" as const } } } };
    });
    await setUp(events);
    expect(approve().disabled).toBe(true);
    expect(screen.getByTestId("may-not-decide").textContent).toContain("This takes the role admin; dana is approver");
    expect(screen.getByTestId("ruling").textContent).toContain("approvers need the role admin");
  });
});

describe("an action that is carried out", () => {
  const leases = {
    leases: [{ resource: "service:payments", limits: { concurrent: 1 }, granted: 2, released: 1,
      holders: [{ workflow_id: "w", run_id: "r", incident_id: "inc-other", state: "holds", granted_at: "2026-11-23T18:03:00Z", action: {} }],
      waiting: [{ workflow_id: "x", run_id: "r", incident_id: "inc-third", state: "waiting", action: {} }, { workflow_id: `${id}-remediation-1`, run_id: "r", incident_id: id, state: "waiting", action: {} }] }],
    more: false,
  };

  it("says which lease it waits for, who has it, and that nothing has changed", async () => {
    await setUp(until("remediation.changed"), { answers: { "/leases": leases } });
    expect(screen.getByTestId("remediation-state").dataset.state).toBe("waiting");
    expect(screen.getByTestId("remediation-meaning").textContent).toContain("Nothing has been changed yet");
    const waits = screen.getByTestId("waits-for");
    await waitFor(() => expect(waits.textContent).toContain("inc-other has it (1m); another waits before."));
    expect(waits.textContent).toContain("the service payments");
  });

  it("says what it was told, where leases cannot be read", async () => {
    await setUp(until("remediation.changed"));
    expect(screen.getByTestId("waits-for").textContent).toContain("inc-checkout-7f3k2m holds it, 1 waits before");
  });

  it("shows each step as it stands, and what is taken back in reverse", async () => {
    const { stage } = await setUp(until("action.started", 2));
    const panel = within(screen.getByTestId("remediation"));
    const standing = () => panel.getAllByTestId("execution-state").map((e) => [e.dataset.step, e.dataset.undo, e.dataset.state].join(" "));
    expect(standing()).toEqual(["1 false succeeded", "2 false running"]);
    await act(async () => payments.slice(until("action.started", 2).length, until("action.started", 4).length).forEach((e) => stage.socket.say({ ...e, epoch: "e" })));
    expect(standing()).toEqual(["1 false succeeded", "2 false succeeded", "2 true succeeded", "1 true running"]);
    expect(panel.getByTestId("undone").textContent).toMatch(/Step 2 by Vigil-SetParameter.*Step 1 by UpdateService/);
    expect(screen.getByTestId("remediation-state").dataset.state).toBe("undoing");
  });

  it("names the actions before, and leaves their steps with them", async () => {
    await setUp(payments);
    const panel = within(screen.getByTestId("remediation"));
    expect(screen.getByTestId("remediation-state").dataset.state).toBe("helped");
    expect(panel.getAllByTestId("execution-state")).toHaveLength(1);
    expect(panel.getByTestId("earlier-actions").textContent).toContain("Taken backAdd capacity on paymentsit did not help; both steps were taken back");
  });

  it("tells what was measured after the action before from what is measured now", async () => {
    await setUp(until("remediation.changed", 6));
    expect(screen.getByTestId("remediation-state").dataset.state).toBe("running");
    expect(within(screen.getByTestId("verification")).getByRole("heading").textContent).toBe("Verification of the action before");
  });

  it("shows the steps of an action that nobody had to approve, before the first has begun", async () => {
    const decided = until("decision.made");
    const told = payments.find((e) => e.type === "remediation.changed") as IncidentEvent;
    await setUp([...decided, { ...told, id: `${told.run_id}/${decided.length + 1}`, seq: decided.length + 1 }]);
    expect(within(screen.getByTestId("remediation")).getByTestId("step-2").textContent).toContain("Vigil-SetParameter");
    expect(within(screen.getByTestId("remediation")).getAllByText("not begun yet")).toHaveLength(2);
  });

  it("shows exactly what a dry run would have sent", async () => {
    const calls = [{ service: "ecs", operation: "UpdateService", request: { desiredCount: 6, note: "<b>x</b>" } }];
    await setUp(ending(until("remediation.changed"), { state: "rehearsed", waits_for: undefined, calls }));
    const rehearsed = screen.getByTestId("rehearsed");
    expect(rehearsed.textContent).toContain("ecs UpdateService");
    expect(rehearsed.querySelector("pre")?.textContent).toBe(JSON.stringify(calls[0]?.request, null, 2));
    expect(screen.getByTestId("remediation-meaning").textContent).toContain("This was a dry run");
  });

  it.each(remediationStateValues)("says in words what it means: %s", async (state: RemediationState) => {
    await setUp(ending(until("remediation.changed", 2), { state }));
    expect(screen.getByTestId("remediation-state").textContent?.length).toBeGreaterThan(5);
    expect(screen.getByTestId("remediation-meaning").textContent).toMatch(/^[A-Z].{20,}\./);
  });
});

describe("an end that nobody may overlook", () => {
  it("not safe: what stands, what is not known, who was paged, what to do", async () => {
    await setUp(unsafe, { open: stale });
    const banner = screen.getByTestId("action-banner");
    expect(banner.getAttribute("role")).toBe("alert");
    expect(banner.textContent).toContain("catalog may be left half-changed");
    expect(banner.textContent).toContain("it is not known what became of undoing step 1 (scale)");
    expect(banner.textContent).toContain("Decide whether step 1 (scale) is to stay");
    expect(within(banner).getByTestId("paged").textContent).toBe("Paged: dana.");
  });

  it("not safe, and nobody is known to have been paged", async () => {
    await setUp(unsafe.filter((e) => e.type !== "notification.sent").map((e, i) => ({ ...e, seq: i + 1 })), { open: stale });
    expect(screen.getByTestId("paged").textContent).toContain("Nobody is known to have been paged");
  });

  it("unknown: it is not tried again", async () => {
    await setUp(ending(until("action.started", 2), { state: "unknown", detail: "it cannot be read back" }));
    const banner = screen.getByTestId("action-banner");
    expect(banner.textContent).toContain("It cannot be told whether the action on payments ran");
    expect(banner.textContent).toContain("It is not tried again, because it may have happened.");
  });

  it("is gone once the incident is over", async () => {
    const closed = payments.find((e) => e.type === "incident.closed") as IncidentEvent;
    const { run_id, incident_id, seq } = unsafe.at(-1) as IncidentEvent;
    await setUp([...unsafe, { ...closed, id: `${run_id}/${seq + 1}`, seq: seq + 1, run_id, incident_id }], { open: stale });
    expect(screen.queryByTestId("action-banner")).toBeNull();
  });
});

describe("the decision", () => {
  it("has options in order, other opinions, what hangs on one vote, and what could not be chosen", async () => {
    await setUp(until("decision.made"));
    const panel = within(screen.getByTestId("decision"));
    expect(panel.getAllByTestId(/^option-/).map((o) => o.dataset.testid)).toEqual(["option-add_capacity:payments", "option-restart:payments", "option-revert_config:payments"]);
    expect(panel.getByTestId("vote-prediction").textContent).toContain("of another opinion");
    expect(panel.getByTestId("counterfactuals").textContent).toContain("Without diagnosis's vote: Restart the service: payments");
    expect(panel.getByTestId("excluded").textContent).toContain("Drain a zone: its precondition does not hold");
  });

  it("lets a responder put another option forward, with a reason", async () => {
    const { stage, user } = await setUp(until("approval.requested"), { role: "responder" });
    stage.answers[`/incidents/${id}/proposals`] = { seq: 12 };
    expect(screen.queryByTestId("propose-add_capacity:payments")).toBeNull(); // it is what is proposed
    await user.click(screen.getByTestId("propose-revert_config:payments"));
    const dialog = within(await screen.findByRole("dialog"));
    expect(dialog.getByText(/dana may not/)).toBeTruthy();
    expect(dialog.getByTestId("step-1").textContent).toContain("Vigil-DeployConfiguration through ssm");
    const submit = dialog.getByRole<HTMLButtonElement>("button", { name: "Put forward" });
    expect(submit.disabled).toBe(true);
    await user.type(dialog.getByLabelText("Reason"), "the change at 17:58");
    await user.click(submit);
    expect(stage.posts).toMatchObject([{ path: `/incidents/${id}/proposals`, body: { option_id: "revert_config:payments", reason: "the change at 17:58" } }]);
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });

  it("waits with another option while an action is carried out", async () => {
    await setUp(until("action.started"));
    const button = screen.getByTestId("propose-restart:payments");
    expect(button.hasAttribute("disabled")).toBe(true);
    expect(button.title).toContain("An action is being carried out");
  });

  it("says why an option was refused", async () => {
    const { stage, user } = await setUp(until("approval.requested"));
    stage.answers[`/incidents/${id}/proposals`] = problem(409, "conflict", "restart:payments was tried and did not help");
    await user.click(screen.getByTestId("propose-restart:payments"));
    const dialog = within(await screen.findByRole("dialog"));
    await user.type(dialog.getByLabelText("Reason"), "again");
    await user.click(dialog.getByRole("button", { name: "Put forward" }));
    expect((await dialog.findByRole("alert")).textContent).toContain("was tried and did not help");
  });

  it("remembers options of earlier decisions by their names", async () => {
    await setUp(until("decision.made", 2));
    expect(screen.getByTestId("decision").textContent).toContain("Add capacity: it was tried and did not help");
    expect(screen.getByTestId("vote-diagnosis").textContent).toContain("what it voted for was tried");
  });
});

describe("who was told", () => {
  it("lists channel, people, what about and when, and makes failures visible", async () => {
    await setUp(until("approval.given"));
    const told = within(screen.getByTestId("told"));
    expect(told.getAllByTestId("told-entry").map((e) => `${e.dataset.channel} ${e.dataset.state}`)).toEqual(["email-leads failed", "slack-incidents sent", "pagerduty sent", "slack-incidents sent"]);
    expect(told.getByText("not everything arrived")).toBeTruthy();
    expect(told.getAllByTestId("told-entry")[0]?.textContent).toContain("AuthorizationError");
    expect(screen.getByTestId("timeline").textContent).toContain("Told engineering leads over email-leads that a decision is needed: failed");
  });

  it("says that nobody was", async () => {
    await setUp(payments.slice(0, 1));
    expect(screen.getByTestId("told").textContent).toContain("Nobody yet.");
  });
});

describe("an update for people", () => {
  /** The story with an update that was written, and what became of sending it. */
  function updated(...deliveries: [channel: string, state: "sent" | "failed"][]): IncidentEvent[] {
    const last = payments.findLast((e) => e.seq > 0); // what people do after the end carries no number
    const sent = payments.findLast((e) => e.type === "notification.sent");
    if (last === undefined || sent === undefined) throw new Error("nobody is told in the story");
    let seq = last.seq;
    const next = () => ({ seq: ++seq, id: `${last.run_id}/${seq}`, at: last.at });
    return [
      ...payments,
      { ...last, ...next(), type: "message.drafted", data: { audience: "stakeholders", text: "Payments are slow." } },
      ...deliveries.map(([channel, state]) => ({ ...sent, ...next(), data: { delivery: { ...sent.data.delivery, key: `k${seq}`, kind: "update" as const, channel, state } } })),
    ];
  }

  it("says which channels have it", async () => {
    await setUp(updated(["slack", "sent"], ["mail", "failed"], ["board", "sent"]));
    expect(screen.getByText("sent to board, slack")).toBeTruthy();
  });

  it("says that none has it", async () => {
    await setUp(updated(["mail", "failed"]));
    expect(screen.getByText("written; no channel has it")).toBeTruthy();
  });
});
