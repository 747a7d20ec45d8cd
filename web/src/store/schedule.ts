/** Runs flush once, soon, however often it is asked before that. */
export type Schedule = (flush: () => void) => void;

/** A hidden tab gets no animation frames, and its timers are slow; this is late enough to batch there. */
const hiddenMs = 250;

/**
 * Once per animation frame, so that a burst of events costs one rendering; by a timer where frames
 * do not come, so that a tab in the background does not pile up work until it is looked at.
 */
export function frameSchedule(): Schedule {
  let pending = false;
  return (flush) => {
    if (pending) return;
    pending = true;
    let frame = 0;
    const run = () => {
      if (!pending) return;
      pending = false;
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      flush();
    };
    const timer = setTimeout(run, hiddenMs);
    frame = requestAnimationFrame(run);
  };
}
