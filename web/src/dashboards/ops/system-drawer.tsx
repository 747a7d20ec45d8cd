import { Dialog } from "@base-ui/react/dialog";
import { X } from "lucide-react";

import { buttonClass } from "../../ui/button";
import { SystemPanels } from "./overview";

export function SystemDrawer({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Popup className="fixed inset-y-0 right-0 z-50 w-[min(40rem,100vw)] overflow-y-auto border-l border-line-strong bg-canvas p-4 shadow-2xl">
          <div className="mb-3 flex items-center">
            <Dialog.Title className="text-base font-semibold">System</Dialog.Title>
            <Dialog.Close className={buttonClass("ghost", "ml-auto px-1.5!")}>
              <X aria-hidden className="size-4" />
              <span className="sr-only">Close</span>
            </Dialog.Close>
          </div>
          <div className="space-y-4">
            <SystemPanels />
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
