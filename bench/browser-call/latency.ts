import type { Flip, Level } from './page.js';

/** Of the change from one still's level to the other's, what counts as having changed. */
const HALFWAY = 0.5;
/** What is seen so long after a change has settled. */
const SETTLED_MS = 500;

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/**
 * Milliseconds from each change of the source's picture to the first frame on show that is more than half
 * of the way to the new one: glass to glass, without camera and screen.
 */
export function latencies(drawn: readonly Flip[], seen: readonly Level[]): number[] {
  const settled: [number[], number[]] = [[], []];
  drawn.forEach(({ atMs, still }, i) => {
    const end = drawn[i + 1]?.atMs ?? Infinity;
    for (const { atMs: seenMs, level } of seen) {
      if (seenMs > atMs + SETTLED_MS && seenMs < end) settled[still].push(level);
    }
  });
  const [from, to] = settled.map(median);
  const share = (level: number) => (level - from) / (to - from);
  return drawn.flatMap(({ atMs, still }, i) => {
    const end = drawn[i + 1]?.atMs ?? Infinity;
    const changed = seen.find(
      ({ atMs: seenMs, level }) =>
        seenMs >= atMs && seenMs < end && (still ? share(level) > HALFWAY : share(level) < HALFWAY),
    );
    // The last one may be cut off.
    return changed ? [changed.atMs - atMs] : [];
  });
}
