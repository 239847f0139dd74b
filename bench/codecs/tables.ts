import type { ClipReport, StreamReport } from './report.js';
import { MEASURES, meanStreams, neededText, summariseBdRate, summariseNeeded } from './summary.js';

/** Names of our decoders, or of the video codecs, that the clips have. */
export const namesOf = (clips: readonly ClipReport[], own: boolean) => [
  ...new Set(
    clips.flatMap(({ streams }) => streams.filter((each) => each.own === own)).map((s) => s.codec),
  ),
];

/** Rows of who needs how much for the quality of one of our decoders. */
export function neededRows(
  clips: readonly ClipReport[],
  own: string,
  rate: 'call' | 'callBoth',
): string[][] {
  return MEASURES.map((measure) => [
    measure.label,
    ...namesOf(clips, false).map((codec) =>
      neededText(summariseNeeded(clips, own, codec, measure, rate)),
    ),
  ]);
}

/** Rows of BD-rates beside the first codec. */
export function bdRateRows(clips: readonly ClipReport[]): string[][] {
  const [anchor, ...others] = namesOf(clips, false);
  if (!anchor) return [];
  return MEASURES.map((measure) => [
    measure.label,
    ...others.map((codec) => {
      const found = summariseBdRate(clips, anchor, codec, measure);
      if (!found) return 'no overlap';
      const percent = 100 * found.mean;
      const part = found.clips < clips.length ? ` (${found.clips} of ${clips.length} clips)` : '';
      return `${percent > 0 ? '+' : '−'}${Math.abs(percent).toFixed(0)} %${part}`;
    }),
  ]);
}

/** Times a frame, means over the streams of each codec: milliseconds. */
export function speedRows(clips: readonly ClipReport[]): string[][] {
  const all = clips.flatMap(({ streams, size }) => streams.filter(({ side }) => side === size));
  return [...namesOf(clips, true), ...namesOf(clips, false)].map((name) => {
    const of = all.filter(({ codec }) => codec === name);
    const mean = (value: (stream: StreamReport) => number) =>
      (of.reduce((sum, stream) => sum + value(stream), 0) / of.length).toFixed(1);
    return [
      name,
      mean(({ speed }) => speed.encodeMs),
      mean(({ speed }) => speed.decodeMs),
      mean(({ speed }) => speed.encodeCpuMs),
      mean(({ speed }) => speed.decodeCpuMs),
    ];
  });
}
export const SPEED_HEAD = ['ms a frame', 'encode', 'decode', 'encode CPU', 'decode CPU'];

/** Rates of ours and the lowest of theirs, means over the clips, in kbps. */
export function rateRows(clips: readonly ClipReport[]): string[][] {
  const streams = meanStreams(clips);
  return [...namesOf(clips, true), ...namesOf(clips, false)].flatMap((name) => {
    const lowest = streams
      .filter(({ codec }) => codec === name)
      .toSorted((a, b) => a.rates.call - b.rates.call)[0];
    if (!lowest) return [];
    const { own, side, targetKbps, rates } = lowest;
    const what = own ? name : `${name}, lowest (target ${targetKbps}, ${side}×${side})`;
    const values = [rates.payload, rates.forward, rates.call, rates.callBoth, rates.clip];
    return [[what, ...values.map((value) => value.toFixed(1))]];
  });
}
export const RATE_HEAD = ['kbps', 'payload', 'forward', 'call', 'call, both ways', 'clip alone'];
