// @vitest-environment happy-dom
/** How far Vigil may go, the kill switch, and who may act on what. */
import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, describe, expect, it } from "vitest";

import { goldenText, story } from "../../../test/golden";
import { type Call, Stage, problem, useOpsAddress } from "../../../test/render";
import type { Controls, Role } from "../../protocol/generated";
import { OpsPage, prefetch } from "./ops-page";

beforeAll(prefetch);

const id = "inc-billing-2c9x1p";
const execute: Controls = { mode: "execute", dry_run_services: ["ledger"], by: "sam", reason: "ledger is not ready", at: "2026-11-23T14:00:00Z", revision: 7 };

function Page({ open }: { open?: string }) {
  return <OpsPage {...useOpsAddress(open)} dev={false} now={Date.parse("2026-11-23T14:10:00Z")} />;
}

async function setUp({ role = "admin", controls = execute as unknown, open, answers = {} }: { role?: Role; controls?: unknown; open?: string; answers?: Record<string, unknown> } = {}) {
  const stage = new Stage();
  stage.answers = { "/controls": controls, ...answers };
  stage.know([story("story-inconclusive").events]);
  stage.render(<Page open={open} />);
  await act(async () => stage.connect(role)); // as dana
  if (open !== undefined) await screen.findByTestId("incident-detail");
  return { stage, user: userEvent.setup({ delay: null }) };
}

/** What the gateway answers a change with: the controls with it. */
function changed(part: Partial<Controls>) {
  return (call: Call) => (call.method === "GET" ? execute : { ...execute, ...part, by: "dana", reason: (call.body as { reason: string }).reason, revision: 8 });
}

async function openControls() {
  fireEvent.keyDown(window, { key: "c" });
  return within(await screen.findByTestId("controls"));
}

function sent(stage: Stage): Call[] {
  return stage.calls.filter((c) => c.method !== "GET");
}

describe("the kill switch", () => {
  it("is one dialog away, and then said on top of everything", async () => {
    const { stage, user } = await setUp({ role: "responder", answers: { "/controls/kill": changed({ killed: true }) } });
    expect(screen.queryByTestId("killed")).toBeNull();
    await user.click(screen.getByTestId("kill"));
    const dialog = within(await screen.findByRole("dialog", { name: "Stop everything" }));
    await user.type(dialog.getByLabelText(/Reason/), "wrong cluster");
    await user.click(dialog.getByRole("button", { name: "Stop now" }));
    expect(sent(stage)).toMatchObject([{ method: "POST", path: "/controls/kill", body: { reason: "wrong cluster" } }]);
    const banner = await screen.findByTestId("killed");
    expect(banner.getAttribute("role")).toBe("alert");
    expect(banner.textContent).toContain("no action begins, whatever was decided");
    expect(banner.textContent).toContain("dana stopped it");
    expect(screen.queryByTestId("kill")).toBeNull();
    expect(within(banner).getByTestId("start-again").hasAttribute("disabled")).toBe(true); // dana is no admin
  });

  it("stops without a reason too, and while nothing is live", async () => {
    const { stage, user } = await setUp({ answers: { "/controls/kill": changed({ killed: true }) } });
    await act(async () => stage.socket.end(4000));
    await user.click(screen.getByTestId("kill"));
    await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Stop now" }));
    expect(sent(stage)).toMatchObject([{ path: "/controls/kill", body: { reason: "" } }]);
  });

  it("says loudly where it is not known to have worked", async () => {
    const { user } = await setUp({ answers: { "/controls/kill": problem(503, "unavailable", "Vigil is NOT stopped, as far as is known") } });
    await user.click(screen.getByTestId("kill"));
    const dialog = within(await screen.findByRole("dialog"));
    await user.click(dialog.getByRole("button", { name: "Stop now" }));
    expect((await dialog.findByRole("alert")).textContent).toBe("Vigil is NOT stopped, as far as is known");
    expect(screen.queryByTestId("killed")).toBeNull();
  });

  it("comes live from whoever pressed it, and does not go back to an older answer", async () => {
    const { stage } = await setUp();
    await waitFor(() => expect(screen.getByTestId("mode").dataset.mode).toBe("execute"));
    await act(async () => stage.socket.say(goldenText("controls.changed")));
    expect(screen.getByTestId("killed").textContent).toContain("noor stopped it");
    await act(async () => stage.socket.say({ ...JSON.parse(goldenText("controls.changed")), data: { ...execute, revision: 11 } }));
    expect(screen.getByTestId("killed")).toBeTruthy();
    await act(async () => stage.socket.say({ ...JSON.parse(goldenText("controls.changed")), data: { ...execute, revision: 13 } }));
    expect(screen.queryByTestId("killed")).toBeNull();
  });

  it("is taken back by an admin, with a reason and on top of what was seen", async () => {
    const { stage, user } = await setUp({ controls: { ...execute, killed: true }, answers: { "/controls/kill": changed({ killed: false }) } });
    await user.click(within(await screen.findByTestId("killed")).getByTestId("start-again"));
    const dialog = within(await screen.findByRole("dialog"));
    const submit = dialog.getByRole<HTMLButtonElement>("button", { name: "Start again" });
    expect(submit.disabled).toBe(true);
    await user.type(dialog.getByLabelText("Reason"), "found it");
    await user.click(submit);
    expect(sent(stage)).toMatchObject([{ method: "DELETE", path: "/controls/kill", body: { reason: "found it", revision: 7 } }]);
    await waitFor(() => expect(screen.queryByTestId("killed")).toBeNull());
  });
});

describe("the controls", () => {
  it("explain the modes, and are for admins", async () => {
    await setUp({ role: "approver" });
    const panel = await openControls();
    expect(panel.getByRole<HTMLInputElement>("radio", { name: /Execute \(now\)/ }).checked).toBe(true);
    expect(panel.getByText("Vigil proposes; people decide on every action.")).toBeTruthy();
    expect(panel.getByText("This takes the role admin; dana is approver")).toBeTruthy();
    expect(panel.getByRole<HTMLButtonElement>("button", { name: "Set" }).disabled).toBe(true);
  });

  it("are set with a reason, on top of the revision that was seen", async () => {
    const { stage, user } = await setUp({ answers: { "/controls": changed({ mode: "read_only", dry_run: true, dry_run_services: ["billing"] }) } });
    const panel = await openControls();
    await user.click(panel.getByRole("radio", { name: /Read-only/ }));
    await user.click(panel.getByRole("checkbox", { name: "Everything" }));
    await user.click(panel.getByRole("button", { name: "Take ledger out of dry run" }));
    await user.type(panel.getByLabelText("Add a service"), "billing{Enter}");
    expect(panel.getByRole<HTMLButtonElement>("button", { name: "Set" }).disabled).toBe(true);
    await user.type(await panel.findByLabelText("Reason"), "audit week");
    await user.click(panel.getByRole("button", { name: "Set" }));
    expect(sent(stage)).toMatchObject([
      { method: "PUT", path: "/controls", body: { mode: "read_only", dry_run: true, dry_run_services: ["billing"], dry_run_incidents: [], reason: "audit week", revision: 7 } },
    ]);
    await waitFor(() => expect(screen.getByTestId("mode").textContent).toBe("Read-only, dry run"));
  });

  it("show what somebody else set meanwhile, instead of overruling it", async () => {
    let theyDid = false;
    const theirs = { ...execute, mode: "advisory", by: "noor", reason: "too eager", revision: 9 };
    const { user } = await setUp({
      answers: { "/controls": (call: Call) => {
          if (call.method === "GET") return theyDid ? theirs : execute;
          theyDid = true;
          return problem(409, "conflict", "noor changed them since");
        } },
    });
    const panel = await openControls();
    await user.click(panel.getByRole("checkbox", { name: "Everything" }));
    await user.type(await panel.findByLabelText("Reason"), "x");
    await user.click(panel.getByRole("button", { name: "Set" }));
    await waitFor(() => expect(panel.getByRole<HTMLInputElement>("radio", { name: /Advisory \(now\)/ }).checked).toBe(true));
    expect((await panel.findByTestId("controls-error")).textContent).toBe("noor changed them since");
    await waitFor(() => expect(screen.getByTestId("controls").textContent).toContain("noor, 10m ago: too eager"));
  });

  it("say that they cannot be read", async () => {
    await setUp({ controls: problem(503, "unavailable", "NATS cannot be reached") });
    const panel = await openControls();
    expect((await panel.findByRole("alert")).textContent).toContain("NATS cannot be reached");
    expect(screen.getByTestId("mode").textContent).toContain("no data");
  });

  it("put one incident in dry run from its own page, and out of it", async () => {
    const { stage, user } = await setUp({ open: id, answers: { "/controls": changed({ dry_run_incidents: [id] }) } });
    expect(screen.queryByTestId("dry-run")).toBeNull();
    await user.click(screen.getByTestId("incident-dry-run"));
    const dialog = within(await screen.findByRole("dialog"));
    await user.type(dialog.getByLabelText("Reason"), "look first");
    await user.click(dialog.getByRole("button", { name: "Start dry run" }));
    expect(sent(stage)[0]?.body).toMatchObject({ mode: "execute", dry_run_services: ["ledger"], dry_run_incidents: [id], reason: "look first", revision: 7 });
    expect(await screen.findByTestId("dry-run")).toBeTruthy();
    expect(screen.getByTestId("incident-dry-run").textContent).toBe("End dry run");
  });
});

describe("leases", () => {
  const action = { incident_id: "inc-x", plan_revision: 1, name: "restart", type: "restart_service", target: "catalog", steps: [], catalogue_version: "1" };
  const holder = (incident_id: string, state: string, part: object = {}) => ({ workflow_id: `${incident_id}-remediation-1`, run_id: "r", incident_id, action, state, ...part });
  const list = {
    leases: [
      { resource: "account:default", limits: { concurrent: 5 }, holders: [holder("inc-a", "holds", { granted_at: "2026-11-23T14:09:00Z" })], granted: 3, released: 2 },
      { resource: "service:catalog", limits: { concurrent: 1, share: 0.5 }, granted: 2, released: 1,
        holders: [holder("inc-b", "unknown", { detail: "it timed out", granted_at: "2026-11-23T13:10:00Z" })],
        waiting: [holder("inc-c", "waiting", { asked_at: "2026-11-23T14:05:00Z" }), holder("inc-d", "waiting", { asked_at: "2026-11-23T14:06:00Z" })] },
      { resource: "service:search", limits: { concurrent: 0 }, granted: 0, released: 0, error: "no worker answers" },
    ],
    more: false,
  };

  async function openLeases() {
    fireEvent.keyDown(window, { key: "l" });
    return within(await screen.findByTestId("leases"));
  }

  it("have what needs a person first, then holders, and who waits in order", async () => {
    await setUp({ answers: { "/leases": list } });
    const panel = await openLeases();
    await panel.findByTestId("lease-service:catalog");
    expect(panel.getAllByTestId(/^lease-(service|account):/).map((e) => e.dataset.testid)).toEqual(["lease-service:search", "lease-service:catalog", "lease-account:default"]);
    const catalog = within(panel.getByTestId("lease-service:catalog"));
    expect(catalog.getByTestId("lease-holder").dataset.state).toBe("unknown");
    expect(catalog.getByText(/It closed without saying what became of its action/).textContent).toContain("It timed out.");
    expect(catalog.getAllByTestId("lease-waiting").map((e) => e.textContent)).toEqual(["inc-c restart on catalogwaits 5m", "inc-d restart on catalogwaits 4m"]);
    expect(panel.getByTestId("lease-service:search").textContent).toContain("how it stands could not be asked: no worker answers");
  });

  it("that are unknown are cleared by an admin who says what they found", async () => {
    const { stage, user } = await setUp({ answers: { "/leases": list, "/leases/service%3Acatalog/clear": { seq: 3 } } });
    const panel = await openLeases();
    await user.click(await panel.findByTestId("lease-clear"));
    const dialog = within(await screen.findByRole("dialog", { name: "Clear the lease of the service catalog" }));
    await user.type(dialog.getByLabelText("What you found"), "it runs on 4 replicas");
    await user.click(dialog.getByRole("button", { name: "It is sound, clear it" }));
    expect(sent(stage)).toMatchObject([{ method: "POST", path: "/leases/service%3Acatalog/clear", body: { workflow_id: "inc-b-remediation-1", reason: "it runs on 4 replicas" } }]);
  });

  it("are not cleared by others", async () => {
    await setUp({ role: "approver", answers: { "/leases": list } });
    const panel = await openLeases();
    expect((await panel.findByTestId("lease-clear")).title).toBe("This takes the role admin; dana is approver");
  });

  it("say that there are none, or that they cannot be read", async () => {
    await setUp({ answers: { "/leases": { leases: null, more: false } } });
    expect(await (await openLeases()).findByText("Nothing has been acted on yet.")).toBeTruthy();
  });
});
