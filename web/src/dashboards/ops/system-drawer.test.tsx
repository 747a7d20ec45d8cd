// @vitest-environment happy-dom
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactNode } from "react";
import { beforeAll, describe, expect, it } from "vitest";

import { goldenText, story } from "../../../test/golden";
import { type Call, Part, Stage, problem, useOpsAddress } from "../../../test/render";
import type { SystemHealthEvent } from "../../protocol/generated";
import { AuditPanel } from "./audit-panel";
import { OpsPage, prefetch } from "./ops-page";
import { type Place, PlacesProvider } from "./places";
import { RulesPanel } from "./rules-panel";
import { SourcesPanel } from "./sources-panel";

beforeAll(prefetch);

async function setUp(panel: ReactNode, answers: Record<string, unknown>) {
  const stage = new Stage();
  stage.answers = answers;
  const places: Place[] = [];
  stage.render(
    <PlacesProvider value={(place) => places.push(place)}>
      <Part now="2026-11-23T17:00:00Z">{panel}</Part>
    </PlacesProvider>,
  );
  await act(async () => stage.connect("viewer"));
  return { stage, places, user: userEvent.setup({ delay: null }) };
}

describe("the audit", () => {
  const entry = { id: 9, at: "2026-11-23T16:58:00Z", principal: "omar", action: "silence.ended", subject: "sil-1", reason: "<i>over</i>" };

  it("who did what when and why, page by page", async () => {
    const { user, places } = await setUp(<AuditPanel />, {
      "/audit": { entries: [entry, { ...entry, id: 8, action: "incident.split", subject: "inc-1", reason: "another", detail: { to: "inc-2", alerts: 2 } }], next: 8 },
      "/audit?before=8": { entries: [{ ...entry, id: 7, action: "delivery.discarded", subject: "31" }, { ...entry, id: 6, action: "budget.invented", subject: "x", reason: undefined }] },
    });
    expect((await screen.findByTestId("audit-9")).textContent).toBe("omar ended the silence sil-12m<i>over</i>");
    expect(screen.getByTestId("audit-8").textContent).toContain("to: inc-2; alerts: 2");
    expect(within(screen.getByTestId("audit-8")).getByRole("link").getAttribute("href")).toBe("/ops/incidents/inc-1");
    await user.click(within(screen.getByTestId("audit-9")).getByRole("button", { name: "sil-1" }));
    expect(places).toEqual([{ tab: "silences", silence: "sil-1" }]);
    await user.click(screen.getByRole("button", { name: "Show earlier entries" }));
    expect((await screen.findByTestId("audit-7")).textContent).toContain("omar discarded the delivery #31");
    expect(screen.getByTestId("audit-6").textContent).toBe("omar budget invented x2m");
  });

  it("empty, and unreadable", async () => {
    const { stage, user } = await setUp(<AuditPanel />, { "/audit": problem(503, "unavailable", "the store does not answer") });
    expect((await screen.findByRole("alert")).textContent).toContain("the store does not answer");
    stage.answers["/audit"] = { entries: [] };
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("Nobody has done anything yet that is kept here.")).toBeTruthy();
  });
});

describe("sources", () => {
  it("says what came from each, and leads to what is set aside of it", async () => {
    const { user, places } = await setUp(<SourcesPanel />, {
      "/sources": {
        sources: [
          { name: "sns", about: "CloudWatch alarms", kind: "built in", deliveries: 18_420, quarantined: 2, last_at: "2026-11-23T16:56:00Z" },
          { name: "zabbix", about: "Media type webhook", kind: "shipped mapping", deliveries: 0, quarantined: 0 },
        ],
      },
    });
    expect((await screen.findByTestId("source-sns")).textContent).toBe("snsbuilt inCloudWatch alarms18.4K24m ago");
    expect(screen.getByTestId("source-zabbix").textContent).toBe("zabbixshipped mappingMedia type webhook00never");
    await user.click(screen.getByRole("button", { name: "Set aside of sns: 2" }));
    expect(places).toEqual([{ tab: "deliveries", source: "sns" }]);
  });

  it("none, and unreadable", async () => {
    const { stage, user } = await setUp(<SourcesPanel />, { "/sources": problem(500, "internal", "it broke") });
    await user.click(within(await screen.findByRole("alert")).getByRole("button", { name: "Try again" }));
    stage.answers["/sources"] = { sources: null };
    await user.click(within(await screen.findByRole("alert")).getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("No source is set up.")).toBeTruthy();
  });
});

describe("grouping rules", () => {
  it("are to be read, in their order, with where they come from", async () => {
    await setUp(<RulesPanel />, {
      "/correlation": { file: "/etc/vigil/rules.yaml", rules: [{ name: "same service", about: "one service", window_s: 600, when: "a.service == b.service" }, { name: "neighbours", about: "", window_s: 5_400, when: "near" }], storm: { alerts: 500 } },
    });
    expect((await screen.findByTestId("rule-same service")).textContent).toBe("same servicewithin 10 mone servicea.service == b.service");
    expect(screen.getByTestId("rule-neighbours").textContent).toBe("neighbourswithin 1 h 30 mnear");
    expect(screen.getByTestId("rules").textContent).toContain("/etc/vigil/rules.yaml");
    expect(screen.getByTestId("rules").textContent).toContain("Storm: alerts500");
  });

  it("none", async () => {
    await setUp(<RulesPanel />, { "/correlation": { rules: [] } });
    expect(await screen.findByText("There are none: only alerts with the same key share an incident.")).toBeTruthy();
    expect(screen.getByTestId("rules").textContent).toContain("as Vigil brings them");
  });
});

describe("the drawer", () => {
  const id = "inc-checkout-7f3k2m";

  function Page() {
    return <OpsPage {...useOpsAddress(id)} dev={true} now={Date.parse("2026-11-23T14:05:00Z")} />;
  }

  async function page() {
    const stage = new Stage();
    stage.know([story("story").events.slice(0, 40)]);
    Object.assign(stage.answers, {
      "/deliveries": ({ path }: Call) => ({ deliveries: path.includes("source=sns") ? [] : [{ id: 31, source: "sns", received_at: "2026-11-23T14:00:00Z", content_type: "", body: null, body_bytes: 0, truncated: false, principal: "", origin: "live", state: "quarantined", reason: "empty", incident_ids: [id] }] }),
      "/silences": { silences: [] },
      "/sources": { sources: [{ name: "sns", about: "", kind: "built in", deliveries: 1, quarantined: 1 }] },
      "/correlation": { rules: [] },
      "/audit": { entries: [] },
    });
    stage.render(<Page />);
    await act(async () => stage.connect());
    await screen.findByTestId("incident-detail");
    const health = JSON.parse(goldenText("system.health")) as SystemHealthEvent;
    const say = (part: object) => act(async () => stage.socket.say({ ...health, data: { ...health.data, ...part } }));
    return { stage, user: userEvent.setup({ delay: null }), say };
  }

  const drawer = () => screen.findByRole("dialog", { name: "System" });

  it("is opened by keys and by the badges of the top bar, at their place, and closed by Escape", async () => {
    const { user, say } = await page();
    expect(screen.queryByTestId("set-aside")).toBeNull();
    expect(screen.queryByTestId("silences-active")).toBeNull();
    await say({ silences_active: 2 });
    expect(screen.getByTestId("set-aside").textContent).toContain("3 set aside, 1 lost");
    expect(screen.getByTestId("silences-active").textContent).toBe("2 silences");

    await user.click(screen.getByTestId("set-aside"));
    expect(await within(await drawer()).findByTestId("delivery-31")).toBeTruthy();
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());

    await user.click(screen.getByTestId("silences-active"));
    expect(await within(await drawer()).findByText("Nothing is silenced.")).toBeTruthy();
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());

    for (const [key, testId] of [["s", "system-health"], ["d", "deliveries"], ["m", "silences"]] as const) {
      await user.keyboard(key);
      expect(within(await drawer()).getByTestId(testId)).toBeTruthy();
      await user.keyboard("{Escape}");
      await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    }
  });

  it("has tabs, of which one leads into another with what it names", async () => {
    const { user } = await page();
    await user.keyboard("s");
    const dialog = await drawer();
    await user.click(within(dialog).getByTestId("system-audit"));
    expect(await within(dialog).findByTestId("audit")).toBeTruthy();
    await user.click(within(dialog).getByTestId("system-sources"));
    await user.click(await within(dialog).findByRole("button", { name: "Set aside of sns: 1" }));
    expect(await within(dialog).findByText("Nothing matches.")).toBeTruthy();
    expect(within(dialog).getByLabelText<HTMLSelectElement>("Source").value).toBe("sns");
  });

  it("gives way to the incident that a link in it leads to", async () => {
    const { user } = await page();
    await user.keyboard("o");
    await waitFor(() => expect(screen.queryByTestId("incident-detail")).toBeNull());
    await user.keyboard("d");
    await user.click(await within(await drawer()).findByRole("link", { name: id }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect((await screen.findByTestId("incident-detail")).dataset.incident).toBe(id);
  });

  it("a dialog in it is closed by Escape before it is", async () => {
    const { user } = await page();
    await user.keyboard("m");
    await user.click(within(await drawer()).getByTestId("silence-create"));
    const dialog = await screen.findByRole("dialog", { name: "Silence alerts" });
    await waitFor(() => expect(dialog.contains(document.activeElement)).toBe(true));
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog", { name: "Silence alerts" })).toBeNull());
    expect(await drawer()).toBeTruthy();
  });

  it("what was read before the connection was lost is read anew when it is back", async () => {
    const { stage, user } = await page();
    await user.keyboard("m");
    await within(await drawer()).findByText("Nothing is silenced.");
    const asked = () => stage.calls.filter((c) => c.path.startsWith("/silences")).length;
    const before = asked();
    await act(async () => stage.socket.end(4000));
    expect(asked()).toBe(before);
    await act(async () => {
      stage.vigil.reconnect();
      stage.connect();
    });
    await waitFor(() => expect(asked()).toBeGreaterThan(before));
  });
});
