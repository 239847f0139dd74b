import { createProgress, type Progress, type ProgressState } from './progress.js';

/** What a command tells the person who runs it: on the terminal, or to the process that started it. */
export interface Reporter {
  /** One line that is not part of the progress. */
  note(text: string): void;
  progress(state: ProgressState): void;
  /** Ends the progress line. */
  finish(): void;
}

/** A message of a child process to `loopback`. */
export type ChildMessage =
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'progress'; readonly state: ProgressState }
  | {
      readonly type: 'error';
      readonly text: string;
      readonly exitCode: number;
      /** Whether the other side is what went wrong. */
      readonly peer: boolean;
    };

/** Whether this process was started by `loopback` and reports to it. */
export const isChild = process.send !== undefined;

/** Tells the parent, where there is one that still listens. */
export function tellParent(message: ChildMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/** Reports to the parent where `loopback` started this process, else to the terminal. */
export function createReporter(label: string): Reporter {
  if (isChild) {
    return {
      note: (text) => tellParent({ type: 'note', text }),
      progress: (state) => tellParent({ type: 'progress', state }),
      finish: () => undefined,
    };
  }
  let progress: Progress | undefined;
  const finish = () => {
    progress?.finish();
    progress = undefined;
  };
  return {
    note(text) {
      finish();
      process.stderr.write(`${text}\n`);
    },
    progress(state) {
      progress ??= createProgress(label, process.stderr);
      progress.update(state);
    },
    finish,
  };
}
