import { join } from 'node:path';
import { needed, onlyPositional, parseCommand } from '../options.js';
import { openFrameWriter, prepareOut, writeLog } from '../out-folder.js';
import { createReporter, isChild } from '../reporter.js';
import { runSender } from '../run-sender.js';

/** `visavis send CLIP --room R --signal URL` */
export async function send(args: readonly string[], abort: AbortSignal): Promise<void> {
  const command = parseCommand(args, [
    'room',
    'signal',
    'pack',
    'personal',
    'tracker',
    'size',
    'references',
    'enrol-seconds',
    'fast',
    'preset',
    'bundle',
    'pictures',
    'out',
    'save-frames',
    'link',
  ]);
  const clip = onlyPositional(command, 'one clip');
  const { media, out, link } = command;
  const room = needed(command.room, 'room', 'a name that both sides know');
  const signal = needed(command.signal, 'signal', 'the address that `npx visavis signal` prints');
  if (out !== undefined && !isChild) await prepareOut(out);
  const keep = media.saveFrames || !isChild;
  const writer = out === undefined ? undefined : await openFrameWriter(out, 'src', keep);
  const reporter = createReporter('sending');
  const { log, error } = await runSender({
    ...media,
    ...{ clip, room, signal, link, writer, abort, reporter },
  });
  reporter.finish();
  const written = await writer?.finish().catch((reason: unknown) => reason);
  if (out !== undefined) await writeLog(join(out, 'sender.json'), log);
  if (error !== undefined) throw error;
  if (written instanceof Error) throw written;
  if (log) {
    const kbps = (log.motionBytes * 8 * log.fps) / log.framesSent / 1000;
    reporter.note(
      `sent ${log.framesSent} frames: identity ${(log.identityBytes / 1000).toFixed(1)} kB, motion ${kbps.toFixed(2)} kbps`,
    );
  }
}
