import { Download, FileText, Pencil } from "lucide-react";
import { useState } from "react";

import type { View } from "../../protocol/generated";
import { useVigil } from "../../store/react";
import { Button, buttonClass } from "../../ui/button";
import { Panel } from "../../ui/panel";
import { useSource } from "../../ui/sources";
import { useRefusalNow } from "./permissions";
import { PostmortemEditor } from "./postmortem-editor";
import { ReviewLines } from "../../parts/review-lines";

/** The post-incident review, section by section, each line with the events that it rests on. */
export function PostmortemPanel({ view: v }: { view: View }) {
  const { rest } = useVigil();
  const at = useSource();
  const refusal = useRefusalNow("responder");
  const [editing, setEditing] = useState(false);
  if (v.review === undefined && v.review_lines === undefined) return null;
  const version = v.review_version ?? 0;
  return (
    <Panel
      title="Review: what happened"
      icon={<FileText className="size-4" />}
      testId="postmortem"
      aside={
        <>
          <span data-testid="review-version" {...at("/review_version")} data-version={version}>
            {version > 1 ? `version ${version}, edited` : "as written by Vigil"}
          </span>
          {v.review_lines !== undefined && !editing && (
            <Button disabled={refusal !== undefined} title={refusal} onClick={() => setEditing(true)}>
              <Pencil aria-hidden className="size-3.5" />
              Edit
            </Button>
          )}
          <a href={rest.reviewMarkdown(v.incident_id)} download className={buttonClass()}>
            <Download aria-hidden className="size-3.5" />
            Markdown
          </a>
        </>
      }
    >
      {editing ? (
        <PostmortemEditor incidentId={v.incident_id} version={version} lines={v.review_lines ?? []} onDone={() => setEditing(false)} />
      ) : v.review_lines === undefined ? (
        <p className="max-w-prose p-3.5 text-[13px] whitespace-pre-wrap [overflow-wrap:anywhere]">{v.review}</p>
      ) : (
        <ReviewLines lines={v.review_lines} />
      )}
    </Panel>
  );
}
