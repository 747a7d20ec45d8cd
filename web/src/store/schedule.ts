/** Runs each flush once, soon, however often it is asked before that. */
export type Schedule = (flush: () => void) => void;

/** A hidden tab gets no animation frames, and its timers are slow; this is late enough to batch there. */
const hiddenMs = 250;

/**
 * Once per animation frame, so that a burst of events costs one rendering, whichever stores it
 * changes; by a timer where frames do not come, so that a tab in the background does not pile up
 * work until it is looked at.
 */
export function frameSchedule(): Schedule {
  const due = new Set<() => void>();
  return (flush) => {
    const waiting = due.size > 0;
    due.add(flush);
    if (waiting) return;
    let frame = 0;
    const run = () => {
      if (due.size === 0) return;
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      const flushes = [...due];
      due.clear();
      for (const each of flushes) each();
    };
    const timer = setTimeout(run, hiddenMs);
    frame = requestAnimationFrame(run);
  };
}
