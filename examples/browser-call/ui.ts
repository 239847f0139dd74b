/** The page's elements: what state shows what, messages, pictures. */

/** What the page is doing: `data-state` of the body. What has `data-in` is there in these states alone. */
export type PageState = 'lobby' | 'enrolling' | 'calling' | 'in-call' | 'ended' | 'error';

/** An element of the page by its id. */
export function byId<T extends Element = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as unknown as T;
}

/** What is focused when a state begins, so that keyboard and screen reader are where it happens. */
const FOCUS: Partial<Record<PageState, string>> = {
  enrolling: 'prompt',
  calling: 'share-title',
  ended: 'outcome-title',
  error: 'outcome-title',
};

export function setState(state: PageState): void {
  if (document.body.dataset.state === state) return;
  document.body.dataset.state = state;
  for (const element of document.querySelectorAll('[data-in]')) {
    const states = element.getAttribute('data-in')!.split(' ');
    element.toggleAttribute('hidden', !states.includes(state));
  }
  byId('hang-up-text').textContent = state === 'in-call' ? 'Hang up' : 'Cancel';
  const focus = FOCUS[state];
  if (focus) byId(focus).focus({ preventScroll: true });
  scrollTo({ top: 0 });
}

/** One line on what is going on, read out politely. */
export function showStatus(text: string): void {
  byId('status').textContent = text;
}

const alerts = new Map<string, string>();

/** Shows a message until it is taken back (undefined) or dismissed; the newest is in front. */
export function setAlert(subject: string, text: string | undefined): void {
  if (alerts.get(subject) === text) return;
  alerts.delete(subject);
  if (text !== undefined) alerts.set(subject, text);
  showAlert();
}

/** Takes back every message. */
export function clearAlerts(): void {
  alerts.clear();
  showAlert();
}

function showAlert(): void {
  const newest = [...alerts.values()].at(-1);
  // The alert itself is never hidden: a screen reader reads out what changes in it.
  byId('alert-dismiss').hidden = newest === undefined;
  byId('alert').textContent = newest ?? '';
}

byId('alert-dismiss').addEventListener('click', () => {
  const newest = [...alerts.keys()].at(-1);
  if (newest !== undefined) setAlert(newest, undefined);
});

/** The page after a call, or instead of one. */
export function showOutcome(
  state: 'ended' | 'error',
  text: { title: string; text: string; again: string },
): void {
  byId('outcome-title').textContent = text.title;
  byId('outcome-text').textContent = text.text;
  byId('again').textContent = text.again;
  setState(state);
}

/** Puts a track into a video or audio element; undefined takes it out. */
export function play(element: HTMLMediaElement, track: MediaStreamTrack | undefined): void {
  const current = (element.srcObject as MediaStream | null)?.getTracks()[0];
  if (current === track) return;
  element.srcObject = track ? new MediaStream([track]) : null;
}

/** What lies over the remote picture while there is none, or none that moves. */
export function showRemoteNote(text: string | undefined): void {
  const note = byId('remote-note');
  note.hidden = text === undefined;
  note.textContent = text ?? '';
}

/** The link to the room, to be copied. */
export function showLink(link: string): void {
  byId<HTMLInputElement>('room-link').value = link;
}

byId('copy').addEventListener('click', async () => {
  const input = byId<HTMLInputElement>('room-link');
  input.select();
  const copied = await navigator.clipboard?.writeText(input.value).then(
    () => true,
    () => false,
  );
  byId('share-note').textContent = copied
    ? 'Copied. The call starts when they open it. Keep this page open.'
    : 'Copy it with the keyboard: it is selected. The call starts when they open it.';
});

/** A button that is on or off: `aria-pressed`, or `aria-checked` of a switch. */
export function setPressed(id: string, on: boolean): void {
  const button = byId(id);
  const attribute = button.getAttribute('role') === 'switch' ? 'aria-checked' : 'aria-pressed';
  button.setAttribute(attribute, String(on));
}

/** Calls `change` with what the button is to become; it is that already. */
export function onToggle(id: string, change: (on: boolean) => void): void {
  byId(id).addEventListener('click', () => {
    const button = byId(id);
    const on = (button.ariaChecked ?? button.ariaPressed) !== 'true';
    setPressed(id, on);
    change(on);
  });
}

/** Whether earlier pictures are there, or what is about to happen. */
export function showKeptEnrolment(madeAt: Date | undefined): void {
  byId('enrolled').hidden = madeAt === undefined;
  byId('how').hidden = madeAt !== undefined;
  if (madeAt) {
    byId('enrolled-text').textContent =
      `Your pictures of ${madeAt.toLocaleDateString(undefined, { dateStyle: 'long' })} are ready.`;
  }
}

/** The lobby for who starts a call, or was invited to one. */
export function showInvitation(invited: boolean): void {
  byId('start').textContent = invited ? 'Join the call' : 'Start a call';
}
