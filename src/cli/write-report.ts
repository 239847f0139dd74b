import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VERSION } from '../version.js';
import { type Comparison, writeComparison, writeReceived } from './media/comparison.js';
import { writeError } from './media/queued-writer.js';
import type { MediaOptions } from './options.js';
import { openFrames, removeRawFrames } from './out-folder.js';
import { buildReport } from './report/build-report.js';
import { filmStrip } from './report/film-strip.js';
import { renderReport } from './report/html.js';
import type { SenderLog } from './report/logs.js';
import { describeMachine } from './report/machine.js';
import { measureQuality } from './report/measure.js';
import type { Report } from './report/schema.js';
import type { ReceiverRunLog } from './run-receiver.js';

export interface WriteReportInput {
  readonly dir: string;
  /** Undefined on the receiver's machine. */
  readonly sender?: SenderLog | undefined;
  readonly receiver: ReceiverRunLog;
  readonly media: Pick<MediaOptions, 'saveFrames' | 'fast' | 'enrolSeconds'>;
  readonly signal: AbortSignal;
}

/**
 * Makes the video, `report.json` and `report.html` of what a run left in its folder. UserError where
 * the disk does not take one of them.
 */
export async function writeReport(
  input: WriteReportInput,
): Promise<{ readonly report: Report; readonly video: Comparison | undefined }> {
  const { dir, sender, receiver, media, signal } = input;
  const source = sender && (await openFrames(dir, 'src', media.saveFrames));
  const received = await openFrames(dir, 'dec', media.saveFrames);
  try {
    const quality = source && (await measureQuality(source, received));
    const report = buildReport({
      version: VERSION,
      sender,
      receiver,
      quality,
      config: { enrol_seconds: media.enrolSeconds, fast: media.fast },
      machine: describeMachine(),
    });
    const fps = sender?.fps ?? receiver.fps ?? 25;
    const caption = report.payload.motion_kbps;
    const received_ = `received${caption === null ? '' : ` · ${caption.toFixed(1)} kbps`}`;
    const captions = { source: 'source', received: received_ };
    let failure: unknown;
    // The figures are small: on a disk that is too full for the video there may be room for them.
    const video = await (source
      ? writeComparison({ dir, fps, source, received, captions, signal })
      : writeReceived({ dir, fps, received, signal })
    ).catch((reason: unknown) => {
      failure = reason;
      return undefined;
    });
    const strip = source ? await filmStrip(source, received, quality) : [];
    try {
      await writeFile(join(dir, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
      await writeFile(join(dir, 'report.html'), renderReport({ report, strip, comparison: video }));
    } catch (error) {
      throw writeError(error, dir, 0);
    }
    if (failure !== undefined) throw failure;
    return { report, video };
  } finally {
    await source?.close();
    await received.close();
    await removeRawFrames(dir);
  }
}
