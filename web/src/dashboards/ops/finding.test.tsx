// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, describe, expect, it } from "vitest";

import { story } from "../../../test/golden";
import { Stage, useOpsAddress } from "../../../test/render";
import type { IncidentEvent, Summary } from "../../protocol/generated";
import { summaryOf, reduce } from "../../store/reduce";
import { eventPath } from "../../parts/navigation";
import { OpsPage, prefetch } from "./ops-page";

beforeAll(prefetch);

const { events } = story("story");
const id = "inc-checkout-7f3k2m";
const now = Date.parse("2026-11-23T14:05:00Z");

function Page({ open }: { open: string | undefined }) {
  const address = useOpsAddress(open);
  return (
    <>
      <output data-testid="event">{address.eventId}</output>
      <OpsPage {...address} dev={true} now={now} />
    </>
  );
}

async function setUp(happened: IncidentEvent[], open?: string) {
  const stage = new Stage();
  stage.know([happened, story("story-inconclusive").events]);
  stage.render(<Page open={open} />);
  await act(async () => stage.connect());
  return { stage, user: userEvent.setup({ delay: null }) };
}

describe("the command palette", () => {
  const palette = () => screen.findByTestId("command-palette");

  it("goes to an incident by what is typed, with the keyboard alone", async () => {
    const { user } = await setUp(events);
    await user.keyboard("{Control>}k{/Control}");
    const dialog = within(await palette());
    await user.type(dialog.getByRole("combobox"), "billing exporter");
    await waitFor(() => expect(dialog.getAllByRole("option")).toHaveLength(1));
    await user.keyboard("{Enter}");
    expect((await screen.findByTestId("incident-detail")).dataset.incident).toBe("inc-billing-2c9x1p");
    await waitFor(() => expect(screen.queryByTestId("command-palette")).toBeNull());
  });

  it("offers what the open incident offers, and opens it", async () => {
    const { user } = await setUp(events.slice(0, 40), id);
    await screen.findByTestId("incident-detail");
    await user.keyboard("{Meta>}k{/Meta}");
    const dialog = within(await palette());
    expect(dialog.getByRole("option", { name: /Go to Approve/ })).toBeTruthy();
    await user.type(dialog.getByRole("combobox"), "add a note");
    await user.keyboard("{Enter}");
    expect(await screen.findByRole("dialog", { name: "Add a note" })).toBeTruthy();
  });

  it("opens the drawer at a tab, and says when nothing is called so", async () => {
    const { user } = await setUp(events);
    await user.keyboard("{Control>}k{/Control}");
    const dialog = within(await palette());
    await user.type(dialog.getByRole("combobox"), "xyzzy");
    expect(await dialog.findByText("Nothing is called that.")).toBeTruthy();
    await user.clear(dialog.getByRole("combobox"));
    await user.type(dialog.getByRole("combobox"), "audit");
    await user.keyboard("{Enter}");
    expect((await screen.findByTestId("system-audit")).getAttribute("aria-selected")).toBe("true");
  });
});

describe("a link to an event", () => {
  it("opens the incident with that event shown, whether it matters to others or not", async () => {
    const minor = events[4] as IncidentEvent;
    function Linked() {
      return <OpsPage incidentId={id} eventId={minor.id} go={() => {}} dev={true} now={now} />;
    }
    const stage = new Stage();
    stage.know([events]);
    stage.render(<Linked />);
    await act(async () => stage.connect());
    await screen.findByTestId("incident-detail");
    const shown = screen.getAllByTestId("timeline-entry").filter((e) => e.dataset.asked === "true");
    expect(shown.map((e) => e.dataset.seq)).toEqual([String(minor.seq)]);
  });

  it("is at each entry, and says so where there is no such event", async () => {
    const { user } = await setUp(events, id);
    await screen.findByTestId("incident-detail");
    const entry = screen.getAllByTestId("timeline-entry")[0] as HTMLElement;
    const link = within(entry).getByRole("link", { name: /Copy a link/ });
    const seq = Number(entry.dataset.seq);
    expect(link.getAttribute("href")).toBe(eventPath(id, events[seq - 1]?.id ?? ""));
    await user.click(link);
    expect(screen.getByTestId("event").textContent).toBe(events[seq - 1]?.id);
  });
});

describe("notes without a connection", () => {
  it("are kept, shown as not sent, and sent once with one key when there is one", async () => {
    const { stage, user } = await setUp(events.slice(0, 40), id);
    await screen.findByTestId("incident-detail");
    stage.answers[`/incidents/${id}/notes`] = { seq: 41 };
    await act(async () => stage.socket.onclose?.({ code: 4000, reason: "" }));
    expect(document.querySelector<HTMLButtonElement>('[data-action="approve"]')?.disabled).toBe(true);
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Resolve" }).disabled).toBe(true);
    await user.click(screen.getByRole("button", { name: "Note" }));
    await user.type(await screen.findByLabelText("Note"), "the pager was silent");
    await user.click(screen.getByRole("button", { name: "Keep and send later" }));
    expect((await screen.findByTestId("pending-notes")).textContent).toContain("the pager was silent");
    expect(stage.posts).toEqual([]);
    await act(async () => {
      stage.vigil.reconnect();
      stage.connect();
    });
    await waitFor(() => expect(screen.queryByTestId("pending-notes")).toBeNull());
    expect(stage.posts.filter((c) => c.path.endsWith("/notes")).map((c) => c.body)).toEqual([{ text: "the pager was silent" }]);
  });
});

describe("a thousand open incidents", () => {
  it("are not all drawn, and each can be found", async () => {
    const stage = new Stage();
    const view = events.slice(0, 20).reduce(reduce, undefined);
    if (view === undefined) throw new Error("the story opens no incident");
    const one: Summary = summaryOf(view);
    const many = Array.from({ length: 1000 }, (_, i): Summary => ({ ...one, incident_id: `inc-many-x${i}`, run_id: `r${i}`, title: `Trouble x${i}` }));
    stage.render(<Page open={undefined} />);
    await act(async () => {
      stage.connect();
      stage.socket.say({ type: "snapshot", epoch: "e", offset: 2, incidents: many });
    });
    const list = screen.getByTestId("incident-list");
    expect(list.textContent).toBeDefined();
    expect(screen.getByTestId("count-open").textContent).toBe("1000");
    expect(list.querySelectorAll("li").length).toBeLessThan(100);
    fireEvent.change(screen.getByPlaceholderText("Filter by title, service, id"), { target: { value: "x777" } });
    expect((await screen.findByTestId("incident-inc-many-x777")).textContent).toContain("Trouble x777");
  });
});
