/** A dialog in which somebody says what is to be done: trapped focus, a name, Escape and Cancel lead out. */
import { Dialog } from "@base-ui/react/dialog";
import { clsx } from "clsx";
import { useState, type ReactNode } from "react";

import { Button, type ButtonKind, buttonClass } from "../../ui/button";
import { from, pageSource } from "../../ui/source";

interface FrameProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  wide?: boolean;
  testId?: string;
  trigger?: ReactNode;
  children: ReactNode;
}

export function DialogFrame({ open, onOpenChange, title, wide = false, testId, trigger, children }: FrameProps) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      {trigger}
      <Dialog.Portal>
        {/* Also above the System drawer, which is a dialog itself. */}
        <Dialog.Backdrop forceRender className="fixed inset-0 z-50 bg-black/40" />
        <Dialog.Popup
          data-testid={testId}
          className={clsx(
            "fixed top-1/2 left-1/2 z-50 max-h-[calc(100dvh-1.5rem)] -translate-1/2 overflow-y-auto rounded-xl border border-line-strong bg-surface p-4 shadow-2xl",
            wide ? "w-[min(40rem,calc(100vw-1.5rem))]" : "w-[min(28rem,calc(100vw-1.5rem))]",
          )}
        >
          <Dialog.Title className="mb-3 text-sm font-semibold">{title}</Dialog.Title>
          {children}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

interface Verb {
  busy: boolean;
  error: string | undefined;
  reset: () => void;
}

interface FormProps {
  submit: string;
  kind?: ButtonKind;
  ready: boolean;
  /** Why it cannot be done now. */
  refusal?: string;
  verb: Omit<Verb, "reset">;
  onSubmit: () => void;
  children: ReactNode;
}

/** The inside of a DialogFrame. */
export function VerbForm({ submit, kind = "primary", ready, refusal, verb, onSubmit, children }: FormProps) {
  return (
    <form
      className="space-y-3"
      onSubmit={(e) => {
        e.preventDefault();
        if (ready && refusal === undefined) onSubmit();
      }}
    >
      {children}
      {verb.error !== undefined && (
        <p role="alert" {...from(pageSource("answer"))} className="rounded-md bg-bad-soft px-2.5 py-1.5 text-xs text-bad [overflow-wrap:anywhere]">
          {verb.error}
        </p>
      )}
      {refusal !== undefined && <p className="text-2xs text-ink-3">{refusal}</p>}
      <div className="flex justify-end gap-2">
        <Dialog.Close className={buttonClass("ghost")}>Cancel</Dialog.Close>
        <Button type="submit" kind={kind} disabled={!ready || verb.busy || refusal !== undefined}>
          {verb.busy ? "Sending…" : submit}
        </Button>
      </div>
    </form>
  );
}

interface VerbDialogProps {
  trigger: string;
  triggerKind?: ButtonKind;
  triggerClass?: string;
  triggerTestId?: string;
  /** What the command palette presses it by. */
  triggerAction?: string;
  /** More than the trigger says, where there are several like it. */
  triggerLabel?: string;
  icon: ReactNode;
  title: string;
  submit: string;
  kind?: ButtonKind;
  wide?: boolean;
  refusal: string | undefined;
  ready: boolean;
  verb: Verb;
  run: () => Promise<boolean>;
  onDone: () => void;
  onOpen?: () => void;
  children: ReactNode;
}

/** A button, and the dialog that it opens. */
export function VerbDialog({ trigger, triggerKind, triggerClass, triggerTestId, triggerAction, triggerLabel, icon, title, wide, verb, run, onDone, onOpen, children, ...form }: VerbDialogProps) {
  const [open, setOpen] = useState(false);
  const send = async () => {
    if (!(await run())) return;
    setOpen(false);
    onDone();
  };
  return (
    <DialogFrame
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        verb.reset();
        if (next) onOpen?.();
      }}
      title={title}
      wide={wide}
      trigger={
        <Dialog.Trigger disabled={form.refusal !== undefined} title={form.refusal} aria-label={triggerLabel} data-testid={triggerTestId} data-action={triggerAction} className={buttonClass(triggerKind, triggerClass)}>
          {icon}
          {trigger}
        </Dialog.Trigger>
      }
    >
      <VerbForm {...form} verb={verb} onSubmit={() => void send()}>
        {children}
      </VerbForm>
    </DialogFrame>
  );
}
