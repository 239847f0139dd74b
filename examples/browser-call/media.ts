/** Camera and microphone, and what to tell who has none. */

/** Why there is no camera: one sentence and what to do. */
export class MediaProblem extends Error {
  override readonly name = 'MediaProblem';
}

/** What could be opened. */
export interface Media {
  readonly camera: MediaStreamTrack;
  readonly microphone: MediaStreamTrack | undefined;
  /** Why there is no microphone, for people. */
  readonly notice: string | undefined;
}

const VIDEO: MediaTrackConstraints = {
  width: { ideal: 640 },
  height: { ideal: 480 },
  frameRate: { ideal: 30, max: 30 },
  facingMode: 'user',
};

const CAMERA_PROBLEMS: Readonly<Record<string, string>> = {
  NotAllowedError:
    'The browser may not use the camera: allow it with the camera symbol in the address bar, then try again.',
  NotFoundError: 'No camera was found: plug one in, then try again.',
  NotReadableError: 'The camera is in use by another program: close that program, then try again.',
  OverconstrainedError: 'The camera gives no usable picture: try another one.',
};

/** Asks for both at once; without a microphone the call goes on. Rejects with a MediaProblem. */
export async function openMedia(): Promise<Media> {
  if (!navigator.mediaDevices) {
    throw new MediaProblem(
      'Browsers open cameras for https pages and localhost alone: use an https address of this page.',
    );
  }
  const both = await openTracks({ video: VIDEO, audio: true }).catch(() => undefined);
  if (both) return { ...both, notice: undefined };
  try {
    const { camera } = await openTracks({ video: VIDEO });
    const notice = await microphoneNotice();
    return { camera, microphone: undefined, notice };
  } catch (error) {
    const { name, message } = error as DOMException;
    throw new MediaProblem(CAMERA_PROBLEMS[name] ?? `The camera does not start (${message}).`);
  }
}

async function openTracks(constraints: MediaStreamConstraints) {
  const stream = await navigator.mediaDevices.getUserMedia(constraints);
  return { camera: stream.getVideoTracks()[0], microphone: stream.getAudioTracks()[0] };
}

async function microphoneNotice(): Promise<string> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.some(({ kind }) => kind === 'audioinput')
    ? 'The microphone cannot be used, so you are not heard: allow it in the address bar, then reload.'
    : 'No microphone was found, so you are not heard: plug one in, then reload.';
}

/** Lets go of the devices: their lamps go out. */
export function closeMedia(media: Media | undefined): void {
  media?.camera.stop();
  media?.microphone?.stop();
}
