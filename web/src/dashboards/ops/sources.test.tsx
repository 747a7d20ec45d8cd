// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor } from "@testing-library/react";
import { beforeAll, describe, expect, it } from "vitest";

import { goldenText, story } from "../../../test/golden";
import { Stage, useOpsAddress } from "../../../test/render";
import { sourcesOf, unsourced } from "../../../test/sources";
import type { IncidentEvent } from "../../protocol/generated";
import { reduce } from "../../store/reduce";
import { OpsPage, prefetch } from "./ops-page";

beforeAll(prefetch);

const stories = ["story", "story-inconclusive", "story-aborted", "story-agents", "story-continued", "story-healthy", "story-moves", "story-actions", "story-unsafe"];

function Page({ open }: { open: string | undefined }) {
  return <OpsPage {...useOpsAddress(open)} dev={false} now={Date.parse("2026-11-23T18:50:00Z")} />;
}

async function setUp(all: IncidentEvent[][], open?: string) {
  const stage = new Stage();
  stage.know(all);
  Object.assign(stage.answers, {
    "/controls": { mode: "execute", dry_run_services: ["ledger-2"], by: "sam", reason: "ledger 2 is not ready", at: "2026-11-23T14:00:00Z", revision: 7 },
    "/leases": {
      leases: [
        {
          resource: "service:payments",
          limits: { concurrent: 1, share: 0.5, per_hour: 3 },
          granted: 2,
          released: 1,
          holders: [{ workflow_id: "w1", incident_id: "inc-1", state: "held", granted_at: "2026-11-23T18:40:00Z", action: { name: "restart", target: "payments" } }],
          waiting: [{ workflow_id: "w2", incident_id: "inc-2", state: "waiting", asked_at: "2026-11-23T18:41:00Z", action: { name: "scale", target: "payments" } }],
        },
      ],
    },
    "/deliveries": { deliveries: [{ id: 31, source: "sns", received_at: "2026-11-23T14:00:00Z", content_type: "text/plain", body: btoa("12 apples"), body_bytes: 9, truncated: false, principal: "x", origin: "live", state: "quarantined", reason: "line 3 is not JSON", incident_ids: [] }] },
    "/silences": { silences: [{ id: "sil-1", kind: "silence", state: "active", matchers: [{ name: "service", op: "=", value: "web 2" }], starts_at: "2026-11-23T18:00:00Z", ends_at: "2026-11-23T20:00:00Z", reason: "known since 3 days", created_by: "sam", created_at: "2026-11-23T18:00:00Z", alerts: 2, last_alert_at: "2026-11-23T18:30:00Z" }] },
    "/sources": { sources: [{ name: "sns", about: "CloudWatch alarms", kind: "built in", deliveries: 18_420, quarantined: 2, last_at: "2026-11-23T16:56:00Z" }] },
    "/correlation": { rules: [{ name: "same service", about: "within 10 minutes", window_s: 600, when: "a.n == 1" }], storm: { alerts: 500 } },
    "/audit": { entries: [{ id: 8, at: "2026-11-23T17:00:00Z", principal: "sam", action: "incident.merged", subject: "inc-2", reason: "the same 2 hosts", detail: { alerts: 2 } }] },
  });
  stage.render(<Page open={open} />);
  await act(async () => stage.connect());
  await act(async () => {
    for (const name of ["system.health", "business.metrics", "aws.services"]) stage.socket.say(goldenText(name));
  });
  if (open !== undefined) await screen.findByTestId("incident-detail");
  return stage;
}

function unfold(): void {
  for (const details of document.querySelectorAll("details")) details.open = true;
  for (const all of screen.queryAllByRole("button", { name: "Everything" })) fireEvent.click(all);
}

describe("every number says where it comes from", () => {
  it.each(stories)("in the incident of %s, however far it has come", async (name) => {
    const { events } = story(name);
    // Every tenth event, and the end: what is on the page at each of them.
    for (let n = 10; n < events.length + 10; n += 10) {
      const happened = events.slice(0, n);
      const id = happened.reduce(reduce, undefined)?.incident_id ?? "";
      const stage = await setUp([happened], id); // oxlint-disable-line no-await-in-loop -- one page after the other
      unfold();
      await waitFor(() => expect(screen.getByTestId("timeline")).toBeTruthy()); // oxlint-disable-line no-await-in-loop
      expect(unsourced(document.body)).toEqual([]);
      expect(sourcesOf(document.body).some((s) => s.startsWith(`/api/v1/incidents/${id}#/`))).toBe(true);
      document.body.replaceChildren();
      stage.vigil.stop();
    }
  });

  it.each(["s", "c", "l", "d", "m"])("in the drawer that %s opens, and on the overview behind it", async (key) => {
    await setUp([story("story").events]);
    await waitFor(() => expect(screen.getAllByTestId("silence-sil-1").length).toBeGreaterThan(0));
    await screen.findByTestId("delivery-31");
    fireEvent.keyDown(window, { key });
    await screen.findByRole("dialog", { name: "System" });
    await act(async () => {});
    unfold();
    expect(unsourced(document.body)).toEqual([]);
  });

  it.each(["sources", "audit"])("in the drawer's tab %s", async (tab) => {
    await setUp([story("story").events]);
    fireEvent.keyDown(window, { key: "s" });
    fireEvent.click(await screen.findByTestId(`system-${tab}`));
    await screen.findByTestId(tab === "audit" ? "audit-8" : "source-sns");
    expect(unsourced(document.body)).toEqual([]);
  });
});
