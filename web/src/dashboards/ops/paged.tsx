/** What every list that comes in pages has in common: waiting, failing, being empty, going on. */
import type { ReactNode } from "react";

import { Button } from "../../ui/button";
import { Empty, Skeleton } from "../../ui/panel";

interface List {
  isPending: boolean;
  isError: boolean;
  error: Error | null;
  isSuccess: boolean;
  refetch: () => Promise<unknown>;
}

interface Pages extends List {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => Promise<unknown>;
}

interface Props {
  list: List | Pages;
  /** How many there are on screen. */
  shown: number;
  /** What is said where there are none. */
  empty: ReactNode;
  /** What the button says that reads on. */
  more?: string;
  /** How many rows; not drawn where there are none. */
  children: ReactNode;
}

export function Paged({ list, shown, empty, more, children }: Props) {
  return (
    <>
      {list.isPending && (
        <div role="status" aria-label="Reading">
          <Skeleton className="m-3.5 h-10" />
        </div>
      )}
      {list.isError && (
        <div role="alert" className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3.5 py-3 text-xs text-bad">
          <span className="min-w-0 [overflow-wrap:anywhere]">
            {shown > 0 && "This may be out of date: "}
            {list.error?.message}
          </span>
          <Button onClick={() => void list.refetch()}>Try again</Button>
        </div>
      )}
      {shown > 0 ? children : list.isSuccess && <Empty>{empty}</Empty>}
      {"hasNextPage" in list && list.hasNextPage && (
        <div className="p-2 text-center">
          <Button kind="ghost" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {list.isFetchingNextPage ? "Loading…" : (more ?? "Show more")}
          </Button>
        </div>
      )}
    </>
  );
}
