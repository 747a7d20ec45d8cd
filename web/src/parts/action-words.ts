/** The events of deciding on actions, carrying them out and telling people, in words. */
import type { IncidentEvent } from "../protocol/generated";
import { autonomyWord, capital, executionStateWord, notificationStateWord, notificationWord, remediationWord } from "../ui/words";
import { resourceWords } from "./lease-words";
import type { Words } from "./timeline-words";

type ActionEvent = Extract<
  IncidentEvent,
  { type: "policy.ruled" | "option.proposed" | "approval.given" | "action.started" | "action.finished" | "remediation.changed" | "notification.sent" | "review.edited" }
>;

export function actionWords(e: ActionEvent): Words {
  switch (e.type) {
    case "policy.ruled": {
      const { ruling: r, option_id } = e.data;
      const why = [r.reason === "" ? r.rule : `${r.rule}: ${r.reason}`, ...(r.bounds ?? []), r.dry_run ? `Dry run: ${r.dry_run_reason ?? "not enabled"}` : ""].filter(Boolean);
      return { text: `Policy on ${option_id}: ${lower(autonomyWord(r.autonomy))}${r.dry_run ? ", as a dry run" : ""}`, detail: why.join("\n"), key: true };
    }
    case "option.proposed":
      return { text: `${e.data.by} put forward ${e.data.option_id}`, detail: e.data.reason, key: true, actor: "person", who: e.data.by };
    case "approval.given":
      return { text: `${e.data.by} approved, ${e.data.have} of ${e.data.need}`, detail: e.data.comment, tone: "good", key: true, actor: "person", who: e.data.by };
    case "action.started": {
      const { effect } = e.data;
      return { text: `${effect.undo === true ? "Started taking back" : "Started"} step ${effect.step}: ${effect.document} on ${effect.target}`, tone: "accent", key: true };
    }
    case "action.finished": {
      const { execution: x } = e.data;
      const word = executionStateWord(x.state);
      const outcome = x.refused === true ? "refused, nothing was sent" : lower(word.text);
      return { text: `${x.undo === true ? "Taking back step" : "Step"} ${x.step}: ${outcome}`, detail: x.detail, tone: word.tone, key: true };
    }
    case "remediation.changed": {
      const { remediation: r } = e.data;
      const word = remediationWord(r.state);
      const waits = r.state === "waiting" && r.waits_for !== undefined && r.waits_for !== "" ? ` (${resourceWords(r.waits_for)})` : "";
      return { text: `${capital(r.name)} on ${r.target}: ${lower(word.text)}${waits}`, detail: r.detail, tone: word.tone, key: true };
    }
    case "notification.sent": {
      const { delivery: d } = e.data;
      const word = notificationStateWord(d.state);
      const whom = [d.team, d.to].filter((w) => w !== undefined && w !== "").join(", ");
      const failed = d.state === "failed" || d.state === "doubtful";
      return { text: `Told ${whom === "" ? d.channel : `${whom} over ${d.channel}`} that ${notificationWord(d.kind)}: ${word.text}`, detail: d.detail, tone: failed ? word.tone : "neutral", key: failed };
    }
    case "review.edited":
      return { text: `${e.data.by} edited the review, version ${e.data.version}`, key: true, actor: "person", who: e.data.by };
  }
}

function lower(text: string): string {
  return text.startsWith("Vigil") ? text : text.charAt(0).toLowerCase() + text.slice(1);
}
