import { expect, it } from 'vitest';
import { readNpz } from '../bench/npz.js';
import { POINT_COUNT } from '../src/geometry/landmarks.js';
import { createPicture } from '../src/geometry/picture.js';
import { measureFace } from '../src/sender/enrolment-prompts.js';
import { createLiveEnrolment, type EnrolmentStatus } from '../src/sender/live-enrolment.js';
import { dataFolder, describeNeeds } from './tools.js';

describeNeeds('data')('live enrolment of tracked people', () => {
  /** Feeds every third frame of a clip's track until `until` holds: seconds of the clip then, if ever. */
  function watch(
    file: string,
    fps: number,
    enrolment: ReturnType<typeof createLiveEnrolment>,
    until: (status: EnrolmentStatus) => boolean,
  ): number | undefined {
    const track = readNpz(`${dataFolder}/data/tracks/video/${file}.npz`);
    const frames = track.frame.data as Int32Array;
    const points = track.landmarks.data as Int16Array;
    const rows = new Map([...frames].map((frame, row) => [frame, row]));
    const picture = createPicture(1, 1);
    for (let index = 0; index < Number(track.frames.data[0]); index += 3) {
      const row = rows.get(index);
      const count = 3 * POINT_COUNT;
      const faces =
        row === undefined
          ? []
          : [
              {
                landmarks: Float32Array.from(
                  points.subarray(row * count, (row + 1) * count),
                  (value) => value / 16,
                ),
                presence: 1,
              },
            ];
      if (enrolment.look(faces, (1000 * index) / fps) === 'keep') enrolment.keep(picture);
      if (until(enrolment.status)) return index / fps;
    }
    return undefined;
  }
  const isDone = ({ prompt }: EnrolmentStatus) => prompt === 'done';

  it.each([
    ['LivePortrait/driving_d6.mp4', 30],
    ['PaddleGAN/fom_dv.mp4', 30],
    ['LatentSync/assets_demo1_video.mp4', 25],
    ['openh264/test_cif_I_CABAC_slice.264', 25],
  ])('enrols %s within two seconds', (file, fps) => {
    const quick = createLiveEnrolment({ mode: 'quick', size: 256 });
    expect(watch(file, fps, quick, isDone)).toBeLessThan(2);
    expect(quick.finish().length).toBeGreaterThanOrEqual(3);
  });

  it('enrols nobody of the music video', () => {
    const quick = createLiveEnrolment({ mode: 'quick', size: 256 });
    expect(watch('negatives/friday.mp4', 30, quick, isDone)).toBeUndefined();
  });

  it('sees a real head turn to its left', () => {
    const guided = createLiveEnrolment({ mode: 'guided', size: 256 });
    const file = 'SadTalker/examples_ref_video_WDA_KatieHill_000.mp4';
    const seconds = watch(file, 25, guided, ({ prompt }) => prompt === 'turn-right');
    expect(seconds).toBeDefined();
    for (let i = 0; i < 4; i++) guided.skip(seconds! * 1000);
    const frames = guided.finish();
    const [rest, turned] = [frames[0], frames.at(-1)!].map((f) => measureFace(f.landmarks).turn);
    expect(turned - rest).toBeGreaterThan(20);
    // To the person's left, the nose is nearer to the picture's right side of the face.
    const nose = ({ landmarks }: (typeof frames)[number]) =>
      (landmarks[3] - landmarks[3 * 33]) / (landmarks[3 * 263] - landmarks[3 * 33]);
    expect(nose(frames.at(-1)!)).toBeGreaterThan(nose(frames[0]) + 0.1);
  });
});
