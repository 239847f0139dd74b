/** What a run has reached. */
export interface ProgressState {
  readonly done: number;
  /** Undefined where the clip's length is not known. */
  readonly total?: number | undefined;
  /** What is counted: frames by default. */
  readonly unit?: string;
  /** What stands behind the count, such as `25.0 fps  wire 9.8 kbps`. */
  readonly detail?: string;
}

export interface Progress {
  update(state: ProgressState): void;
  /** Draws the last state and ends the line. Safe to call twice. */
  finish(): void;
}

/** The part of a stream that is written to: `process.stderr`, so that stdout can be piped. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
  on?(event: 'error', listener: () => void): unknown;
}

/** A redraw costs more than it shows beyond ten a second. */
const TTY_INTERVAL_MS = 100;

/** Lines of a log, where there is no terminal to redraw. */
const LOG_INTERVAL_MS = 5000;

const BAR_CELLS = 20;
const PARTS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/**
 * A progress bar on a terminal, or else a line every five seconds and one at the end. `now` is the
 * time in milliseconds, from any start.
 */
export function createProgress(
  label: string,
  stream: ProgressStream,
  now: () => number = () => performance.now(),
): Progress {
  const interval = stream.isTTY ? TTY_INTERVAL_MS : LOG_INTERVAL_MS;
  let drawnAt = stream.isTTY ? Number.NEGATIVE_INFINITY : now();
  let latest: ProgressState | undefined;
  let finished = false;

  // The reader of a pipe may leave (`| head`): the run goes on.
  stream.on?.('error', () => undefined);

  const draw = (state: ProgressState) => {
    drawnAt = now();
    if (!stream.isTTY) {
      stream.write(`${line(label, state, false)}\n`);
      return;
    }
    const width = (stream.columns ?? 80) - 1;
    // Return, the line, and erase what an earlier and longer one left.
    stream.write(`\r${line(label, state, true).slice(0, width)}\x1b[K`);
  };
  return {
    update(state) {
      if (finished) return;
      latest = state;
      if (now() - drawnAt >= interval) draw(state);
    },
    finish() {
      if (finished) return;
      finished = true;
      if (latest !== undefined) draw(latest);
      if (stream.isTTY && latest !== undefined) stream.write('\n');
    },
  };
}

function line(
  label: string,
  { done, total, unit = 'frames', detail }: ProgressState,
  withBar: boolean,
): string {
  const known = total !== undefined && total > 0;
  const parts = [
    label,
    known && withBar ? bar(done / total) : '',
    `${done}${known ? `/${total}` : ''} ${unit}`,
    detail === undefined ? '' : ` ${detail}`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

/** Filled to an eighth of a cell; always of one length, so that what follows does not move. */
function bar(share: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * BAR_CELLS * 8);
  return ('█'.repeat(eighths >> 3) + PARTS[eighths & 7]).padEnd(BAR_CELLS, '░');
}
