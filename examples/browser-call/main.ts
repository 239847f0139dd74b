/** The page: lobby, enrolment, call, end. */
import type { SavedEnrolment } from 'visavis/browser';
import { Call, type CallState } from './call.js';
import { enrol } from './enrol-view.js';
import { showFigures } from './figures-view.js';
import { type Loopback, openLoopback } from './loopback.js';
import { closeMedia, type Media, MediaProblem, openMedia } from './media.js';
import { type PageOptions, readOptions } from './options.js';
import { forgetPeerKey, showPeerKey } from './peer-key.js';
import * as storage from './storage.js';
import type { Failure } from './talking-head.js';
import { failureMessage } from './texts.js';
import * as ui from './ui.js';

/** Machines with fewer cores show what the other side sees when asked to, not by themselves. */
const LOOPBACK_CORES = 5;

const NO_FACE =
  'Your face is not in the picture, so the other side sees you still: move into view, with light on your face.';
const NO_SERVER =
  'The server does not answer: a call that runs goes on, and the page keeps trying. Check your network.';

/** What there is while the page is past its lobby. */
interface Visit {
  readonly room: string;
  /** Whether the room was in the address: somebody else may be in it. */
  readonly invited: boolean;
  readonly abort: AbortController;
  media?: Media;
  call?: Call;
  /** There will be no talking head of the other side. */
  headFailed?: boolean;
  stopFigures?: () => void;
  loopback?: Promise<Loopback | undefined> | undefined;
  showLoopback?: (on: boolean) => void;
}

const self = ui.byId<HTMLVideoElement>('self');
const remote = ui.byId<HTMLVideoElement>('remote');
const mirror = ui.byId<HTMLVideoElement>('mirror');
const sound = new Audio();

let visit: Visit | undefined;

/** Camera, enrolment where there is none, then the call. */
async function begin(room: string): Promise<void> {
  leave();
  const invited = room === storage.roomOfAddress();
  const current: Visit = { room, invited, abort: new AbortController() };
  visit = current;
  history.replaceState(null, '', storage.linkOf(room));
  ui.showLink(storage.linkOf(room));
  try {
    const kept = await storage.loadEnrolment();
    ui.setState(kept ? 'calling' : 'enrolling');
    ui.showStatus('Allow the camera and the microphone, if the browser asks.');
    const media = await openMedia();
    if (visit !== current) return closeMedia(media);
    current.media = media;
    media.camera.onended = () => fail('The camera is gone: plug it in again, then try again.');
    ui.setAlert('microphone', media.notice);
    ui.play(self, media.camera);
    const options = await readOptions();
    const enrolment = kept?.enrolment ?? (await enrolNow(current, media, options));
    if (visit === current) startCall(current, media, enrolment, options);
  } catch (error) {
    if (visit !== current) return;
    const { message } = error as Error;
    fail(error instanceof MediaProblem ? message : `${message}. Reload, and try again.`);
  }
}

async function enrolNow({ abort }: Visit, media: Media, options: PageOptions) {
  ui.showStatus('A few pictures of you, once.');
  const enrolment = await enrol(media.camera, options, abort.signal);
  await storage.keepEnrolment(enrolment);
  return enrolment;
}

function startCall(
  current: Visit,
  media: Media,
  enrolment: SavedEnrolment,
  options: PageOptions,
): void {
  storage.noteCall(current.room);
  forgetPeerKey();
  ui.setState('calling');
  showCallState('waiting');
  const call = new Call(
    { room: current.room, media, enrolment, options },
    {
      state: (state) => {
        showCallState(state);
        if (state === 'waiting') ui.setState('calling');
        if (state !== 'connected') return;
        ui.setState('in-call');
        current.stopFigures ??= showFigures(call);
        if (navigator.hardwareConcurrency >= LOOPBACK_CORES) current.showLoopback?.(true);
      },
      ended: (reason) => end(reason),
      serverReached: (reached) => ui.setAlert('server', reached ? undefined : NO_SERVER),
      picture: (track, mode) => {
        ui.play(remote, track);
        document.body.dataset.peerMode = mode;
        ui.setAlert(
          'mode',
          mode === 'ordinary' && call.mode === 'talking-head'
            ? 'The other side sends ordinary video now, to compare: switch yours below, if you like.'
            : undefined,
        );
      },
      audio: (track) => listenTo(track),
      identity: (key) => {
        showFailure(undefined);
        void showPeerKey(key, enrolment);
      },
      failed: (failure) => {
        if (failure && /enrolment/.test(failure.message)) void enrolAgain(current.room);
        else showFailure(failure);
      },
      face: (present) => ui.setAlert('face', present ? undefined : NO_FACE),
    },
  );
  current.call = call;
  const showFailure = (failure: Failure | undefined) => {
    ui.setAlert('failed', failure && failureMessage(failure.code, failure.message));
    current.headFailed = failure !== undefined;
    noteRemote();
  };

  current.showLoopback = (on) => {
    ui.setPressed('mirror-mode', on);
    ui.byId('mirror-figure').hidden = !on;
    void current.loopback?.then((loopback) => loopback?.close());
    ui.play(mirror, undefined);
    current.loopback = on
      ? openLoopback(media.camera, enrolment, options).catch(() => undefined)
      : undefined;
    void current.loopback?.then((loopback) => ui.play(mirror, loopback?.track));
  };
}

/** The saved enrolment is not of this device's key, or of another version: taken again. */
async function enrolAgain(room: string): Promise<void> {
  await storage.forgetEnrolment();
  await begin(room);
}

const STATES: Readonly<Record<CallState, string>> = {
  waiting: 'Waiting for the other side.',
  connecting: 'Connecting…',
  connected: 'Connected.',
  reconnecting: 'The connection is lost. Reconnecting…',
};

function showCallState(state: CallState): void {
  document.body.dataset.connection = state;
  ui.showStatus(STATES[state]);
  noteRemote();
}

/** Says over the other side's picture why there is none, or none that moves. */
function noteRemote(): void {
  const state = document.body.dataset.connection as CallState | undefined;
  if (state !== 'connected') {
    ui.showRemoteNote(state && STATES[state]);
    return;
  }
  const isThere = remote.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
  const reason = visit?.headFailed ? 'No picture.' : 'Their picture is on its way…';
  ui.showRemoteNote(isThere ? undefined : reason);
}

/** A page may not be allowed to sound before somebody touches it (after a reload, say). */
function listenTo(track: MediaStreamTrack): void {
  ui.play(sound, track);
  sound.play().catch(({ name }: DOMException) => {
    if (name !== 'NotAllowedError') return;
    ui.setAlert(
      'sound',
      'The browser keeps this page silent: click anywhere to hear the other side.',
    );
    const unlock = () => {
      void sound.play();
      ui.setAlert('sound', undefined);
    };
    addEventListener('pointerdown', unlock, { once: true });
    addEventListener('keydown', unlock, { once: true });
  });
}

/** Lets go of everything of the call, whatever came of it. */
function leave(): void {
  const left = visit;
  visit = undefined;
  storage.noteCall(undefined);
  ui.clearAlerts();
  left?.abort.abort();
  left?.call?.hangUp();
  left?.stopFigures?.();
  void left?.loopback?.then((loopback) => loopback?.close());
  closeMedia(left?.media);
  for (const element of [self, remote, mirror, sound]) ui.play(element, undefined);
  ui.byId('mirror-figure').hidden = true;
  for (const id of ['mute', 'video-mode', 'mirror-mode']) ui.setPressed(id, false);
  delete document.body.dataset.connection;
  delete document.body.dataset.peerMode;
}

function end(reason: string): void {
  leave();
  ui.showStatus('');
  ui.showOutcome('ended', { title: 'The call is over', text: reason, again: 'Call again' });
}

function fail(reason: string): void {
  leave();
  ui.showStatus('');
  ui.showOutcome('error', { title: 'That did not work', text: reason, again: 'Try again' });
}

async function enterLobby(): Promise<void> {
  leave();
  const room = storage.roomOfAddress();
  const kept = await storage.loadEnrolment();
  ui.showInvitation(room !== undefined);
  ui.showKeptEnrolment(kept?.madeAt);
  ui.showStatus(room === undefined ? '' : 'You are invited to a call.');
  ui.setState('lobby');
}

const roomNow = () => storage.roomOfAddress() ?? storage.randomToken();

ui.byId('start').onclick = () => void begin(roomNow());
ui.byId('again').onclick = () => void begin(roomNow());
ui.byId('new-call').onclick = () => void begin(storage.randomToken());
ui.byId('enrol-again').onclick = () => void enrolAgain(roomNow());
ui.byId('hang-up').onclick = () => {
  const { state } = document.body.dataset;
  if (state === 'in-call') return end('You hung up.');
  if (!visit?.invited) history.replaceState(null, '', location.pathname + location.search);
  void enterLobby();
};
ui.onToggle('mute', (muted) => {
  if (visit?.media?.microphone) visit.media.microphone.enabled = !muted;
});
ui.onToggle('video-mode', (ordinary) => {
  ui.setAlert('mode', undefined);
  if (visit?.call) visit.call.mode = ordinary ? 'ordinary' : 'talking-head';
});
ui.onToggle('mirror-mode', (on) => visit?.showLoopback?.(on));
for (const change of ['loadeddata', 'emptied']) remote.addEventListener(change, noteRemote);
addEventListener('hashchange', () => {
  if (storage.roomOfAddress() !== visit?.room) void enterLobby();
});

const room = storage.roomOfAddress();
if (room !== undefined && storage.wasInCall(room)) void begin(room);
else void enterLobby();
