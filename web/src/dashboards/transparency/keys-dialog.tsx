import { Dialog } from "@base-ui/react/dialog";

import { buttonClass } from "../../ui/button";

const keys: readonly { key: string; text: string }[] = [
  { key: "Space", text: "Play, pause" },
  { key: "← →", text: "One event back, one on; in the decision tree from box to box" },
  { key: "Home End", text: "The first event, the last" },
  { key: "number", text: "The view with this number on its tab" },
  { key: "?", text: "This help" },
];

export function KeysDialog({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Popup className="fixed top-1/2 left-1/2 z-50 w-[calc(100vw-2rem)] max-w-md -translate-x-1/2 -translate-y-1/2 rounded-xl border border-line bg-surface p-5 shadow-xl">
          <Dialog.Title className="text-sm font-semibold">Keys</Dialog.Title>
          <dl className="mt-3 space-y-2">
            {keys.map(({ key, text }) => (
              <div key={key} className="grid grid-cols-[5.5rem_1fr] items-baseline gap-3 text-xs">
                <dt>
                  <kbd className="rounded border border-line-strong px-1.5 py-px font-mono text-2xs">{key}</kbd>
                </dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
          <Dialog.Close className={buttonClass("plain", "mt-4")}>Close</Dialog.Close>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
