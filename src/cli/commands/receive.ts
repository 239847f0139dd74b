import { join } from 'node:path';
import { needed, parseCommand, USAGE_EXIT } from '../options.js';
import { openFrameWriter, prepareOut, removeRawFrames, writeLog } from '../out-folder.js';
import { createReporter, isChild } from '../reporter.js';
import { runReceiver } from '../run-receiver.js';
import { summarise } from '../summary.js';
import { UserError } from '../user-error.js';
import { writeReport } from '../write-report.js';

/** `visavis receive --room R --signal URL --out DIR` */
export async function receive(args: readonly string[], abort: AbortSignal): Promise<void> {
  const command = parseCommand(args, ['room', 'signal', 'pack', 'out', 'save-frames', 'link']);
  const { media, positionals, link } = command;
  if (positionals.length > 0) {
    throw new UserError(`receive takes no clip: ${positionals[0]}`, { exitCode: USAGE_EXIT });
  }
  const room = needed(command.room, 'room', 'a name that both sides know');
  const signal = needed(command.signal, 'signal', 'the address that `npx visavis signal` prints');
  const out = needed(command.out, 'out', 'a folder for what is received');
  if (!isChild) await prepareOut(out);
  const writer = await openFrameWriter(out, 'dec', media.saveFrames);
  const reporter = createReporter('receiving');
  try {
    const { log, error } = await runReceiver({
      ...media,
      ...{ room, signal, link, writer, abort, reporter },
    });
    const written = await writer.finish().catch((reason: unknown) => reason);
    let failure = error ?? (written instanceof Error ? written : undefined);
    if (isChild) {
      await writeLog(join(out, 'receiver.json'), log);
    } else if (log && log.frames.length > 0) {
      const signal = new AbortController().signal;
      await writeReport({ dir: out, receiver: log, media, signal }).then(
        ({ report, video }) => reporter.note(summarise(report, video?.file, out)),
        (reason) => {
          failure ??= reason;
        },
      );
    }
    if (failure !== undefined) throw failure;
  } finally {
    if (!isChild) await removeRawFrames(out);
  }
}
