import type { Picture } from '../../geometry/picture.js';
import { UserError } from '../user-error.js';
import type { FrameWriter } from './frame-store.js';

/** At most `inFlight` frames at once; after the first failure nothing more is written. */
export function queuedWriter(
  place: string,
  inFlight: number,
  store: (index: number, picture: Picture) => Promise<void>,
): FrameWriter {
  const pending = new Set<Promise<void>>();
  let written = 0;
  let failure: unknown;

  const check = () => {
    if (failure !== undefined) throw writeError(failure, place, written);
  };
  const start = (index: number, picture: Picture) => {
    const job = store(index, picture)
      .then(
        () => void written++,
        (error) => {
          failure ??= error;
        },
      )
      .finally(() => pending.delete(job));
    pending.add(job);
  };

  return {
    async write(index, picture) {
      // Also callers that do not wait for each other start one after the other.
      while (pending.size >= inFlight) await Promise.race(pending);
      check();
      start(index, picture);
      while (pending.size >= inFlight) await Promise.race(pending);
      check();
    },
    async finish() {
      await Promise.all(pending);
      check();
      return written;
    },
  };
}

/** What to tell the person whose disk did not take a file; other errors as they are. */
export function writeError(error: unknown, place: string, frames: number): unknown {
  const kept = frames > 0 ? `what was written is kept (${frames} frames); ` : '';
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError(
        `the disk is full: ${kept}free some space, or give another folder than ${place}`,
        { cause: error },
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new UserError(`${place} may not be written: ${kept}give another folder`, {
        cause: error,
      });
    case 'ENOTDIR':
    case 'EEXIST':
      return new UserError(`${place} is not a folder: give another one`, { cause: error });
    case 'ENOENT':
      return new UserError(`${place} is not there any more: ${kept}give another folder`, {
        cause: error,
      });
    default:
      return error;
  }
}
