import { Skeleton } from "../../ui/panel";

/** Where an incident will be, while it is read. */
export function IncidentLoading() {
  return (
    <div role="status" aria-label="Reading the incident" className="mx-auto max-w-[1280px] space-y-4 p-5">
      <Skeleton className="h-6 w-1/2" />
      <Skeleton className="h-4 w-1/3" />
      <Skeleton className="h-14 w-full" />
      <div className="grid gap-4 xl:grid-cols-[minmax(0,1fr)_23rem]">
        <Skeleton className="h-64" />
        <Skeleton className="h-64" />
      </div>
    </div>
  );
}

/** Where the overview will be, while it is fetched. */
export function OverviewLoading() {
  return (
    <div role="status" aria-label="Loading the overview" className="mx-auto max-w-[1100px] space-y-4 p-5">
      <Skeleton className="h-6 w-1/3" />
      <div className="grid gap-4 lg:grid-cols-2">
        <Skeleton className="h-56" />
        <Skeleton className="h-56" />
      </div>
    </div>
  );
}
