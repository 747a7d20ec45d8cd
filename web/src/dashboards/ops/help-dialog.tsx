import { Dialog } from "@base-ui/react/dialog";

import { SeverityLabel } from "../../ui/badge";
import { buttonClass } from "../../ui/button";
import { severityValues } from "../../protocol/generated";
import { shortcuts } from "./keyboard";

export function HelpDialog({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Popup className="fixed top-1/2 left-1/2 z-50 w-[min(26rem,calc(100vw-2rem))] -translate-1/2 space-y-4 rounded-xl border border-line-strong bg-surface p-4 shadow-2xl">
          <Dialog.Title className="text-sm font-semibold">Keyboard and signs</Dialog.Title>
          <dl className="grid grid-cols-[auto_1fr] items-center gap-x-3 gap-y-1.5 text-xs">
            <div className="contents">
              <dt>
                <kbd className="inline-block min-w-6 rounded border border-line-strong bg-sunken px-1.5 text-center font-mono text-2xs leading-5">Ctrl K</kbd>
              </dt>
              <dd>Command palette: go to anything, do anything (also Cmd K)</dd>
            </div>
            <div className="contents">
              <dt>
                <kbd className="inline-block min-w-6 rounded border border-line-strong bg-sunken px-1.5 text-center font-mono text-2xs leading-5">↓ ↑</kbd>
              </dt>
              <dd>From one incident of the list to the next</dd>
            </div>
            {shortcuts.map((s) => (
              <div key={s.key} className="contents">
                <dt>
                  <kbd className="inline-block min-w-6 rounded border border-line-strong bg-sunken px-1.5 text-center font-mono text-2xs leading-5">{s.key}</kbd>
                </dt>
                <dd>{s.text}</dd>
              </div>
            ))}
          </dl>
          <div className="flex flex-wrap gap-4">
            {severityValues.map((s) => (
              <SeverityLabel key={s} severity={s} />
            ))}
          </div>
          <div className="flex justify-end">
            <Dialog.Close className={buttonClass()}>Close</Dialog.Close>
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
