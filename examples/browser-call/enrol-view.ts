/** Enrolment with a guide: what to do next, and how far it is, around the self view. */
import { createCallChannels, type SavedEnrolment, TalkingHeadSender } from 'visavis/browser';
import type { PageOptions } from './options.js';
import { byId, setAlert } from './ui.js';

const PROMPTS: Readonly<Record<string, string>> = {
  'hold-still': 'Look at the camera and hold still',
  'turn-left': 'Turn your head a little to your left',
  'turn-right': 'Turn your head a little to your right',
  smile: 'Smile, and show your teeth',
  'open-mouth': 'Open your mouth',
  'close-eyes': 'Close your eyes for a moment',
  done: 'Thank you, that is all',
};

const FACE_PROBLEMS: Readonly<Record<string, string>> = {
  none: 'No face is in the picture: sit in front of the camera, with light on your face.',
  several:
    'Several faces are in the picture: only one person can be enrolled, ask the others aside.',
};

/** A blink of the tracker is no reason for a message, nor is its first frame, which takes longer. */
const FACE_PATIENCE_MS = 2_500;

/**
 * Enrols the person in front of the camera, over a connection that goes nowhere: the pictures wait
 * for the calls to come. Rejects with the signal's reason, or with what the library fails with.
 */
export async function enrol(
  camera: MediaStreamTrack,
  options: PageOptions,
  signal: AbortSignal,
): Promise<SavedEnrolment> {
  const connection = new RTCPeerConnection();
  let sender: TalkingHeadSender | undefined;
  show('One moment…', 0);
  try {
    sender = await TalkingHeadSender.create({
      ...options.sender,
      track: camera,
      connection,
      channels: createCallChannels(connection, 'caller').outgoing,
      enrolment: 'guided',
    });
    signal.throwIfAborted();
    return await guide(sender, signal);
  } finally {
    await sender?.close();
    connection.close();
  }
}

function guide(sender: TalkingHeadSender, signal: AbortSignal): Promise<SavedEnrolment> {
  const skip = byId<HTMLButtonElement>('enrol-skip');
  const faces = watchFaces();
  // What the enrolment begins with, until it says so.
  show(PROMPTS['hold-still'], 0);
  return new Promise<SavedEnrolment>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    skip.onclick = () => sender.skipPrompt();
    sender.addEventListener('enrolment', ({ detail: { prompt, progress, face } }) => {
      faces.saw(face);
      byId('guide-face').dataset.prompt = prompt;
      show(PROMPTS[prompt] ?? prompt, progress);
    });
    sender.addEventListener('enrolled', ({ detail }) => resolve(detail.enrolment));
    sender.addEventListener('statechange', ({ detail }) => {
      if (detail.state === 'failed' || detail.state === 'ended') reject(detail.error);
    });
  }).finally(() => {
    skip.onclick = null;
    faces.stop();
  });
}

/** Says so when there is not one face for a while; it begins with none. */
function watchFaces(): { saw(face: string): void; stop(): void } {
  let seen = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const saw = (face: string) => {
    if (face === seen) return;
    seen = face;
    clearTimeout(timer);
    if (face === 'one') setAlert('face', undefined);
    else timer = setTimeout(() => setAlert('face', FACE_PROBLEMS[face]), FACE_PATIENCE_MS);
  };
  saw('none');
  return {
    saw,
    stop() {
      clearTimeout(timer);
      setAlert('face', undefined);
    },
  };
}

function show(prompt: string, progress: number): void {
  const line = byId('prompt');
  // Set only where it changes: each change is read out.
  if (line.textContent !== prompt) line.textContent = prompt;
  const ring = byId<SVGElement>('ring');
  ring.ariaValueNow = String(Math.round(progress * 100));
  ring.querySelector<SVGCircleElement>('.done')!.style.strokeDashoffset = String(
    100 * (1 - progress),
  );
}
