/** Fields of forms, each with a label that everybody can read. */
import { clsx } from "clsx";
import { Search } from "lucide-react";
import { useId, type ReactNode } from "react";

import type { SourceProps } from "./source";

export const fieldClass = "h-8 w-full min-w-0 rounded-md border border-line-strong bg-canvas px-2.5 text-xs placeholder:text-ink-3";

interface FieldProps {
  label: string;
  /** What is wrong with it, or what to know about it. */
  note?: ReactNode;
  className?: string;
  children: (id: string) => ReactNode;
}

export function Field({ label, note, className, children }: FieldProps) {
  const id = useId();
  return (
    <div className={clsx("min-w-0 space-y-1", className)}>
      <label htmlFor={id} className="text-2xs text-ink-2">
        {label}
      </label>
      {children(id)}
      {note !== undefined && <p className="text-2xs text-ink-3">{note}</p>}
    </div>
  );
}

export function TextField({ label, value, onChange, rows }: { label: string; value: string; onChange: (text: string) => void; rows: number }) {
  return (
    <Field label={label}>
      {(id) => (
        <textarea
          id={id}
          rows={rows}
          value={value}
          maxLength={10_000}
          onChange={(e) => onChange(e.target.value)}
          className="w-full rounded-md border border-line-strong bg-canvas px-2.5 py-1.5 text-xs"
        />
      )}
    </Field>
  );
}

interface SearchProps {
  label: string;
  placeholder: string;
  value: string;
  onChange: (text: string) => void;
  className?: string;
}

export function SearchField({ label, placeholder, value, onChange, className }: SearchProps) {
  return (
    <label className={clsx("relative block min-w-0", className)}>
      <span className="sr-only">{label}</span>
      <Search aria-hidden className="pointer-events-none absolute top-2 left-2.5 size-4 text-ink-3" />
      <input type="search" value={value} maxLength={500} onChange={(e) => onChange(e.target.value)} placeholder={placeholder} className={clsx(fieldClass, "pl-8!")} />
    </label>
  );
}

/** source says where the options come from, where they are not the program's own. */
export function Select({ label, value, onChange, options, source, className }: { label: string; source?: Partial<SourceProps>; value: string; onChange: (value: string) => void; options: readonly { value: string; text: string }[]; className?: string }) {
  return (
    <label className={clsx("block min-w-0", className)}>
      <span className="sr-only">{label}</span>
      <select {...source} value={value} onChange={(e) => onChange(e.target.value)} className={fieldClass}>
        {options.map((o) => (
          <option key={o.value} value={o.value}>
            {o.text}
          </option>
        ))}
      </select>
    </label>
  );
}
