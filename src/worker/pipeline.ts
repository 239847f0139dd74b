import { CallError } from '../call.js';
import type { ConnectionFingerprints } from '../consent/fingerprints.js';
import type { ToWorker } from './messages.js';
import type { Page } from './page.js';
import type { RelayedChannels } from './relayed-channels.js';

/** One end of a call in the worker, as `host.ts` drives it. */
export interface Pipeline {
  /** A message of its own: what is not about channels, statistics or its end. */
  receive(message: ToWorker): void;
  /** The channels are open. */
  connect(channels: RelayedChannels, fingerprints: ConnectionFingerprints | undefined): void;
  getStats(): unknown;
  /** Says goodbye to the peer and frees everything. Safe to call twice. */
  close(): Promise<void>;
}

/** The state of a pipeline, told to the page as it changes; 'ended' and 'failed' are final. */
export class PipelineState<State extends string> {
  readonly #page: Page;
  #value: State | 'ended' | 'failed';

  constructor(page: Page, first: State) {
    this.#page = page;
    this.#value = first;
  }

  get value(): State | 'ended' | 'failed' {
    return this.#value;
  }

  set(value: State | 'ended'): void {
    this.#change(value);
  }

  /** Ends with `error`; a side that hung up is no error. */
  fail(error: Error): void {
    const code = error instanceof CallError ? error.code : 'failed';
    if (code === 'closed-by-peer' || code === 'closed-locally') this.#change('ended');
    else this.#change('failed', { code, message: error.message });
  }

  #change(value: State | 'ended' | 'failed', error?: { code: string; message: string }): void {
    if (this.#value === value || this.#value === 'ended' || this.#value === 'failed') return;
    this.#value = value;
    this.#page.event('statechange', { state: value, ...(error && { error }) });
  }
}
