import { spawnSync } from 'node:child_process';

/** One video codec with the settings of a call: no frame waits for a later one, one keyframe. */
export interface VideoCodec {
  readonly name: string;
  /** For people. */
  readonly label: string;
  /** ffmpeg's encoder. */
  readonly encoder: string;
  /** Its options for a target in kbps. */
  readonly options: (kbps: number) => readonly string[];
}

/** No further keyframe in any clip. */
const ONE_KEYFRAME = ['-g', '100000'];
/** A constant rate over a buffer of one second, as libwebrtc sets its encoders. */
const constantRate = (kbps: number) => [
  ...['-b:v', `${kbps}k`, '-minrate', `${kbps}k`, '-maxrate', `${kbps}k`, '-bufsize', `${kbps}k`],
];
/**
 * Cyclic refresh, which libwebrtc turns on, gives more for the rate but has a floor of its own: below
 * this target it is off.
 */
const CYCLIC_REFRESH_KBPS = 15;
const aqMode = (kbps: number) => ['-aq-mode', kbps < CYCLIC_REFRESH_KBPS ? '0' : '3'];

export const VIDEO_CODECS: readonly VideoCodec[] = [
  {
    name: 'x264',
    label: 'H.264 (x264)',
    encoder: 'libx264',
    options: (kbps) => [
      ...['-preset', 'veryfast', '-tune', 'zerolatency', '-bf', '0', '-sc_threshold', '0'],
      ...['-b:v', `${kbps}k`, '-maxrate', `${kbps}k`, '-bufsize', `${kbps}k`],
      ...ONE_KEYFRAME,
    ],
  },
  {
    name: 'vp9',
    label: 'VP9 (libvpx)',
    encoder: 'libvpx-vp9',
    options: (kbps) => [
      ...['-deadline', 'realtime', '-cpu-used', '5', '-lag-in-frames', '0', '-auto-alt-ref', '0'],
      ...['-row-mt', '1', ...aqMode(kbps)],
      ...constantRate(kbps),
      ...ONE_KEYFRAME,
    ],
  },
  {
    name: 'svt-av1',
    label: 'AV1 (SVT-AV1)',
    encoder: 'libsvtav1',
    options: (kbps) => [
      ...['-preset', '8', '-b:v', `${kbps}k`],
      ...['-svtav1-params', 'pred-struct=1:rc=2:keyint=-1:scd=0:lookahead=0'],
    ],
  },
  {
    name: 'aom-av1',
    label: 'AV1 (libaom)',
    encoder: 'libaom-av1',
    options: (kbps) => [
      ...['-usage', 'realtime', '-cpu-used', '7', '-lag-in-frames', '0', '-row-mt', '1'],
      ...aqMode(kbps),
      ...constantRate(kbps),
      ...ONE_KEYFRAME,
    ],
  },
];

/** Those that this machine's ffmpeg has; `skip` is told of each that it has not. */
export function availableCodecs(
  codecs: readonly VideoCodec[],
  skip: (line: string) => void,
): VideoCodec[] {
  const { stdout, error } = spawnSync('ffmpeg', ['-hide_banner', '-encoders'], {
    encoding: 'utf8',
  });
  return codecs.filter(({ label, encoder }) => {
    const there = !error && stdout.includes(` ${encoder} `);
    if (!there) skip(`${label} is left out: there is no ffmpeg with ${encoder}`);
    return there;
  });
}
