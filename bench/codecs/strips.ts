import { readFile } from 'node:fs/promises';
import type { Picture } from '../../src/geometry/picture.js';
import { drawStrip } from '../quality/strip.js';
import { lookedSources, ownPath, streamPath } from './clip.js';
import { decoded, picturesOf } from './ffmpeg.js';
import { decoderOf } from './own-streams.js';
import type { ClipReport, Glimpse, StreamReport } from './report.js';
import { lookedFilter, lookedOrdinals, samplingOf } from './sampling.js';

/** Of the moments that are spread over a clip, those that a strip has; and those chosen for this. */
const SPREAD = [0, 3, 6];
const CHOSEN_FOR = 'mouth widest';

/** Each video codec's stream that is nearest to the first of ours by a distance. */
function nearest(
  { streams }: ClipReport,
  distance: (stream: StreamReport, own: StreamReport) => number | undefined,
): StreamReport[] {
  const own = streams.find((stream) => stream.own);
  if (!own) return [];
  const codecs = [...new Set(streams.filter((stream) => !stream.own).map(({ codec }) => codec))];
  return codecs.flatMap((codec) => {
    const ranked = streams
      .filter((stream) => stream.codec === codec)
      .map((stream) => ({ stream, away: distance(stream, own) ?? Infinity }))
      .toSorted((a, b) => a.away - b.away);
    return ranked[0] ? [ranked[0].stream] : [];
  });
}

/** The streams of a strip at equal rate, ours first: each codec's nearest, which may be far away. */
export const atEqualRate = (report: ClipReport) =>
  nearest(report, ({ rates }, own) => Math.abs(Math.log(rates.call / own.rates.call)));

/** At equal keypoint error. */
export const atEqualKeypoints = (report: ClipReport) =>
  nearest(report, ({ figures }, own) =>
    figures.akd && own.figures.akd ? Math.abs(Math.log(figures.akd / own.figures.akd)) : undefined,
  );

/** What fits into the labels' column. */
const shortName = (codec: string) =>
  codec === 'portrait-256-cpu' ? 'visavis' : codec.replace('-av1', '');

/** A JPEG: the source, our decoders, and these streams, with their rates over a call. */
export async function codecStrip(
  report: ClipReport,
  folder: string,
  others: readonly StreamReport[],
): Promise<Buffer> {
  const { size, fps, frames, stride, glimpses } = report;
  const sampling = samplingOf(fps, stride);
  const ordinals = lookedOrdinals(frames, sampling);
  const sources = await lookedSources(folder, report);
  const own = report.streams.filter(
    (stream) => stream.own && decoderOf(stream.codec) === stream.codec,
  );
  const rows = [...own, ...others];
  const shown: Picture[][] = [];
  for (const { own: isOwn, codec, side, targetKbps } of rows) {
    shown.push(
      isOwn
        ? picturesOf(await readFile(ownPath(folder, codec)), size)
        : await decoded(streamPath(folder, codec, side, targetKbps!), size, lookedFilter(sampling)),
    );
  }
  const chosen: readonly Glimpse[] = [
    ...SPREAD.flatMap((at) => (glimpses[at]?.why === '' ? glimpses[at] : [])),
    ...glimpses.filter(({ why }) => why === CHOSEN_FOR),
  ];
  const moments = chosen.map(({ index, why, ordinal, boxes }) => {
    const at = ordinals.indexOf(ordinal);
    return {
      index,
      why,
      source: { picture: sources[at], face: boxes && { boxes } },
      shown: shown.map((pictures) => pictures[at]),
    };
  });
  const names = rows.map(
    ({ codec, side, rates }) =>
      `${shortName(codec)}${side < size ? ' ½' : ''} ${rates.call.toFixed(0)}`,
  );
  return drawStrip(moments, names, size);
}
