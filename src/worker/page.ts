import type { FromWorker } from './messages.js';

/** The page's half of a pipeline. */
export interface Page {
  post(message: FromWorker, transfer?: Transferable[]): void;
  /** Dispatches an event of the page's object. */
  event(name: string, detail: unknown): void;
}
