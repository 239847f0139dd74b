/** What the receiver reported of the network. */
export interface LinkReport {
  /** Share of the messages that did not come, 0–1, since the report before. */
  readonly loss: number;
  /** Milliseconds for which messages wait in a queue of the network; undefined where it does not say. */
  readonly queueMs: number | undefined;
}

/** Half of what is known of loss is forgotten in this time. */
const LOSS_HALF_LIFE_MS = 5_000;
/** Messages that are taken as sent and arrived before anything is known: one loss proves little. */
const PRIOR_MESSAGES = 10;
/** A queue above this is ours; jitter of 200 ms looks like it once in a quarter of an hour. */
const QUEUED_MS = 150;
/** Below this share of the time, a queue counts as drained no faster than it fills. */
const DRAINING = -0.05;
/** So many losses in two reports on end are a link that takes no more: no redundancy helps. */
const OVERLOAD_LOSS = 0.3;
/** What is sent is measured over this time. */
const RATE_WINDOW_MS = 1_000;
/** After a cut, the limit stays for so long; then it rises so much a second, up to where it was cut or beyond. */
const HOLD_MS = 3_000;
const RISE_PER_S = { known: 0.08, unknown: 0.03 };
/** A report speaks for so long at most. */
const MAX_REPORT_S = 5;
/** The path is not believed to take less than that: a handful of messages a second. */
const MIN_LIMIT_BPS = 3_000;

/**
 * What the network does to the messages: how many it loses, and how many bits a second it takes before a queue
 * builds up. Sans-IO; times are milliseconds of one clock.
 */
export class LinkEstimate {
  readonly #maxBps: number;
  readonly #sent: { readonly atMs: number; readonly bytes: number }[] = [];
  #messages = 0;
  #lost = 0;
  #heard = 0;
  #lossMs = 0;
  #limitBps: number;
  /** What the path was found to take, the last time that it took no more. */
  #capacityBps = Infinity;
  #cutMs = -Infinity;
  #reportMs: number | undefined;
  #queueMs = 0;
  #overloaded = false;

  /** `maxBps`: what is never exceeded. */
  constructor(maxBps: number) {
    this.#maxBps = maxBps;
    this.#limitBps = maxBps;
  }

  /** Share of the messages that the network loses now, 0–1. */
  get loss(): number {
    return this.#lost / (this.#heard + PRIOR_MESSAGES);
  }

  /** Milliseconds of queue, as last reported. */
  get queueMs(): number {
    return this.#queueMs;
  }

  /** Bits a second that may be sent. */
  get limitBps(): number {
    return this.#limitBps;
  }

  /** Whether the path, not the application, sets the limit. */
  get limited(): boolean {
    return this.#limitBps < this.#maxBps;
  }

  /** Notes a message that left, with its headers. */
  sent(wireBytes: number, nowMs: number): void {
    this.#messages++;
    this.#sent.push({ atMs: nowMs, bytes: wireBytes });
    while (this.#sent[0].atMs <= nowMs - RATE_WINDOW_MS) this.#sent.shift();
  }

  #sentBps(nowMs: number): number {
    const recent = this.#sent.filter(({ atMs }) => atMs > nowMs - RATE_WINDOW_MS);
    return (recent.reduce((sum, { bytes }) => sum + bytes, 0) * 8000) / RATE_WINDOW_MS;
  }

  /** Takes a report. */
  report({ loss, queueMs = 0 }: LinkReport, nowMs: number): void {
    const kept = 0.5 ** ((nowMs - this.#lossMs) / LOSS_HALF_LIFE_MS);
    this.#lossMs = nowMs;
    this.#lost = this.#lost * kept + loss * this.#messages;
    this.#heard = this.#heard * kept + this.#messages;
    this.#messages = 0;
    const sinceMs = nowMs - (this.#reportMs ?? nowMs - 1000);
    this.#reportMs = nowMs;
    const growth = (queueMs - this.#queueMs) / Math.max(200, sinceMs);
    this.#queueMs = queueMs;
    const overloaded = loss > OVERLOAD_LOSS;
    if (overloaded && this.#overloaded) this.#cut(this.#sentBps(nowMs) * (1 - loss), 0, nowMs);
    else if (queueMs > QUEUED_MS && growth > DRAINING) {
      this.#cut(this.#sentBps(nowMs) / (1 + Math.max(0, growth)), queueMs, nowMs);
    } else if (queueMs <= QUEUED_MS / 2) this.#rise(Math.min(sinceMs / 1000, MAX_REPORT_S), nowMs);
    this.#overloaded = overloaded;
  }

  /** The path takes `capacityBps`: so much less is sent that the queue drains within seconds. */
  #cut(capacityBps: number, queueMs: number, nowMs: number): void {
    this.#capacityBps = capacityBps;
    const limit = capacityBps * (0.9 - Math.min(0.4, queueMs / 2500));
    this.#limitBps = Math.max(MIN_LIMIT_BPS, Math.min(this.#limitBps, limit));
    this.#cutMs = nowMs;
  }

  #rise(seconds: number, nowMs: number): void {
    if (nowMs - this.#cutMs < HOLD_MS) return;
    const known = this.#limitBps < 0.9 * this.#capacityBps;
    const risen = this.#limitBps * (1 + RISE_PER_S[known ? 'known' : 'unknown']) ** seconds;
    this.#limitBps = Math.min(
      this.#maxBps,
      known ? Math.min(risen, 0.9 * this.#capacityBps) : risen,
    );
  }
}
