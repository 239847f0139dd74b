import type { Key } from '../quality/figures.js';
import { mean } from '../quality/statistics.js';
import { bdRate, frontier, type NeededRate, neededRate, type RateCurve } from './bd-rate.js';
import type { ClipReport, StreamReport } from './report.js';
import type { WireRates } from './wire-rates.js';

/** What is compared: a column of docs/quality.md, and whether more of it is better. */
export interface Measure {
  readonly key: Key;
  readonly label: string;
  readonly higherIsBetter: boolean;
  /** Whether it needs a face that the instrument finds. */
  readonly ofFace: boolean;
}

export const MEASURES: readonly Measure[] = [
  { key: 'butteraugli', label: 'Butteraugli', higherIsBetter: false, ofFace: false },
  { key: 'akd', label: 'keypoint error', higherIsBetter: false, ofFace: true },
  { key: 'identity', label: 'identity similarity', higherIsBetter: true, ofFace: true },
  { key: 'lips', label: 'lips', higherIsBetter: false, ofFace: true },
  { key: 'msSsim', label: 'MS-SSIM', higherIsBetter: true, ofFace: false },
  { key: 'psnr', label: 'PSNR', higherIsBetter: true, ofFace: false },
];

/**
 * A stream in which the instrument finds no face in more of the frames than this, in percent, has no
 * keypoint error and no identity: those of the few other frames would flatter it.
 */
const MOST_LOST = 5;

/** The figure of a stream that counts for a measure. */
export function countedFigure({ figures }: StreamReport, measure: Measure): number | undefined {
  if (measure.ofFace && (figures.lost ?? 0) > MOST_LOST) return undefined;
  return figures[measure.key];
}

/** A rate of `WireRates` in kbps. */
export type RateKey = Exclude<keyof WireRates, 'startBytes'>;

/** What a codec does at its best on one clip: its streams at full and at half size together. */
export function curveOf(
  { streams }: ClipReport,
  codec: string,
  measure: Measure,
  rate: RateKey,
): RateCurve {
  const points = streams
    .filter((stream) => stream.codec === codec)
    .flatMap((stream) => {
      const figure = countedFigure(stream, measure);
      const quality = measure.higherIsBetter ? figure : figure && -figure;
      return quality === undefined ? [] : [{ kbps: stream.rates[rate], quality }];
    });
  return frontier(points);
}

/** What a codec needs on the clips for the quality of one of our decoders. */
export interface NeededSummary {
  /** Clips that were compared. */
  readonly clips: readonly {
    readonly file: string;
    readonly needed: NeededRate;
    readonly ratio: number;
  }[];
  /** Geometric means over the clips; a rate that is a bound counts as it is. */
  readonly kbps: number;
  readonly ratio: number;
  /** Clips on which its lowest rate is better already, and on which its highest is not good enough. */
  readonly below: number;
  readonly notReached: number;
}

const geometricMean = (values: readonly number[]) => Math.exp(mean(values.map(Math.log))!);

/** Undefined where no clip has both. */
export function summariseNeeded(
  clips: readonly ClipReport[],
  own: string,
  codec: string,
  measure: Measure,
  rate: RateKey,
): NeededSummary | undefined {
  const compared = clips.flatMap((clip) => {
    const stream = clip.streams.find((each) => each.own && each.codec === own);
    const figure = stream && countedFigure(stream, measure);
    const curve = curveOf(clip, codec, measure, rate);
    if (!stream || figure === undefined || curve.length === 0) return [];
    const needed = neededRate(curve, measure.higherIsBetter ? figure : -figure);
    return [{ file: clip.file, needed, ratio: needed.kbps / stream.rates[rate] }];
  });
  if (compared.length === 0) return undefined;
  const count = (kind: NeededRate['kind']) =>
    compared.filter(({ needed }) => needed.kind === kind).length;
  return {
    clips: compared,
    kbps: geometricMean(compared.map(({ needed }) => needed.kbps)),
    ratio: geometricMean(compared.map(({ ratio }) => ratio)),
    below: count('below'),
    notReached: count('not reached'),
  };
}

/** Rate and ratio, with what is a bound: `≤ 31 kbps, ≤ 3.4×`. */
export function neededText(summary: NeededSummary | undefined): string {
  if (!summary) return '–';
  const { kbps, ratio, below, notReached, clips } = summary;
  const bound = below && notReached ? '≈ ' : below ? '≤ ' : notReached ? '≥ ' : '';
  const notes = [
    ...(below ? [`below its lowest on ${below} of ${clips.length}`] : []),
    ...(notReached ? [`not reached on ${notReached} of ${clips.length}`] : []),
  ];
  const text = `${bound}${kbps.toFixed(0)} kbps, ${bound}${ratio.toFixed(1)}×`;
  return notes.length > 0 ? `${text} (${notes.join(', ')})` : text;
}

/** Mean BD-rate over the clips on which the curves share a quality, as a share, and how many those are. */
export function summariseBdRate(
  clips: readonly ClipReport[],
  anchor: string,
  codec: string,
  measure: Measure,
): { readonly mean: number; readonly clips: number } | undefined {
  const rates = clips.flatMap((clip) => {
    const of = (name: string) => curveOf(clip, name, measure, 'call');
    const difference = bdRate(of(anchor), of(codec));
    return difference === undefined ? [] : [difference];
  });
  return rates.length > 0 ? { mean: mean(rates)!, clips: rates.length } : undefined;
}

/** The means over the clips of one stream, which all of them must have. */
export interface MeanStream {
  readonly codec: string;
  readonly own: boolean;
  readonly side: number;
  readonly targetKbps: number | undefined;
  readonly rates: Readonly<Record<RateKey, number>>;
  readonly streams: readonly StreamReport[];
}

/** The stream of a target, or the one that it came out as. */
function streamOf(
  { streams, repeats }: ClipReport,
  wanted: Pick<StreamReport, 'codec' | 'side' | 'targetKbps'>,
): StreamReport | undefined {
  const { codec, side } = wanted;
  const isOf = (each: { readonly codec: string; readonly side: number }) =>
    each.codec === codec && each.side === side;
  const repeat = repeats.find((each) => isOf(each) && each.targetKbps === wanted.targetKbps);
  const target = repeat ? repeat.sameAs : wanted.targetKbps;
  return streams.find((each) => isOf(each) && each.targetKbps === target);
}

/** Mean rates over the clips, target by target, of what every clip has. */
export function meanStreams(clips: readonly ClipReport[]): MeanStream[] {
  const [first] = clips;
  if (!first) return [];
  const own = new Set(first.streams.filter((stream) => stream.own).map(({ codec }) => codec));
  return [...first.streams, ...first.repeats].flatMap(({ codec, side, targetKbps }) => {
    const streams = clips.flatMap((clip) => streamOf(clip, { codec, side, targetKbps }) ?? []);
    if (streams.length < clips.length) return [];
    const rate = (key: RateKey) => mean(streams.map(({ rates }) => rates[key]))!;
    const rates = {
      payload: rate('payload'),
      forward: rate('forward'),
      call: rate('call'),
      callBoth: rate('callBoth'),
      clip: rate('clip'),
    };
    return [{ codec, own: own.has(codec), side, targetKbps, streams, rates }];
  });
}

/** The mean of a figure; undefined where a clip's does not count. */
export function meanFigure({ streams }: MeanStream, measure: Measure): number | undefined {
  const figures = streams.map((stream) => countedFigure(stream, measure));
  return figures.includes(undefined) ? undefined : mean(figures);
}
