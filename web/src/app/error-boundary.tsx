import { Component, type ErrorInfo, type ReactNode } from "react";

import { Button } from "../ui/button";

/** A defect in one part of the page is said, and leaves the way to load it anew. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | undefined }> {
  override state = { error: undefined as Error | undefined };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override componentDidCatch(error: Error, info: ErrorInfo): void {
    // oxlint-disable-next-line no-console -- the console is where a defect of the page belongs
    console.error(error, info.componentStack);
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <main role="alert" className="mx-auto max-w-lg space-y-3 p-8 text-[13px]">
        <h1 className="text-base font-semibold">This page has a defect and stopped</h1>
        <p className="text-ink-2">Incidents are handled without it; only the display is affected.</p>
        <pre className="overflow-auto rounded bg-sunken p-2 font-mono text-2xs whitespace-pre-wrap">{error.message}</pre>
        <Button onClick={() => window.location.reload()}>Load the page anew</Button>
      </main>
    );
  }
}
