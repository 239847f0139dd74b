/** What the receiver reported of the network. */
export interface LinkReport {
  /** Share of the messages that did not come, 0–1, since the report before. */
  readonly loss: number;
  /** Milliseconds for which messages wait in a queue of the network; undefined where it does not say. */
  readonly queueMs?: number | undefined;
  /** Newest frame that the receiver has. */
  readonly newestFrame?: number | undefined;
}

/** Half of what is known of loss is forgotten in this time. */
const LOSS_HALF_LIFE_MS = 5_000;
/** And half of the worst of it in this time: bursts of 5 % lie some ten seconds apart, and the next one comes. */
const WORST_HALF_LIFE_MS = 15_000;
/** But no more than so much: an outage is over when it is over. */
const MAX_WORST_LOSS = 0.1;
/** Messages that are taken as sent and arrived before anything is known: one loss proves little. */
const PRIOR_MESSAGES = 15;
/** A queue above this is ours; jitter of 200 ms looks like it once in a quarter of an hour. */
const QUEUED_MS = 150;
/** Below this share of the time, a queue counts as drained no faster than it fills. */
const DRAINING = -0.05;
/** After silence of so long, a queue that is reported is about so old. */
const SILENT_MS = 1_500;
const ONSET_MS = 500;
/** Over less time, what arrived is one message more or less. */
const MIN_ARRIVED_MS = 500;
/** Reports of which the fastest shows the path without a queue. */
const ANSWERS = 32;
/** Messages whose frames are remembered: some twelve seconds of the fastest stream. */
const REMEMBERED = 512;
/**
 * So many losses, in every report for so long, are a link that takes no more: no redundancy helps. An outage ends,
 * and a burst has better reports between.
 */
const OVERLOAD_LOSS = 0.25;
const OVERLOAD_MS = 3_000;
/** What is sent is measured over this time. */
const RATE_WINDOW_MS = 1_000;
/** After a cut, the limit stays for so long; then it rises so much a second, up to where it was cut or beyond. */
const HOLD_MS = 3_000;
const RISE_PER_S = { known: 0.08, unknown: 0.03 };
/** For so long after a cut, losses are taken for the path's own limit where it is tried again. */
const DOUBT_MS = 60_000;
/** The limit is above what is sent by so much at most: the settings that come next cost so much more. */
const UNTESTED = 2;
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
  /** All bytes that were sent, and how many of them were when a frame left: what arrived by it. */
  #sentBytes = 0;
  readonly #sentBy: { readonly frame: number; readonly bytes: number; readonly atMs: number }[] =
    [];
  /** From when a frame left to the report that it arrived, of the last reports. */
  readonly #answerMs: number[] = [];
  #arrivedBytes: number | undefined;
  #messages = 0;
  #lost = 0;
  #heard = 0;
  #lossMs = 0;
  #worstLoss = 0;
  #limitBps: number;
  /** What the path was found to take, the last time that it took no more. */
  #capacityBps = Infinity;
  #cutMs = -Infinity;
  #reportMs: number | undefined;
  #queueMs = 0;
  #overloadedMs: number | undefined;

  /** `maxBps`: what is never exceeded. */
  constructor(maxBps: number) {
    this.#maxBps = maxBps;
    this.#limitBps = maxBps;
  }

  /** Share of the messages that the network loses now, 0–1. */
  get loss(): number {
    return this.#lost / (this.#heard + PRIOR_MESSAGES);
  }

  /**
   * The share that copies are to be prepared for: the worst of late, slowly forgotten. None where the path took no
   * more a while ago and is being tried again: what it loses then, copies would only add to.
   */
  get expectedLoss(): number {
    const beyond = this.limited && this.#limitBps >= 0.9 * this.#capacityBps;
    const recent = (this.#reportMs ?? 0) - this.#cutMs < DOUBT_MS;
    return beyond && recent ? 0 : Math.max(this.loss, this.#worstLoss);
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

  /** Notes a message that left, with its headers, and the newest frame in it. */
  sent(wireBytes: number, nowMs: number, frame?: number): void {
    this.#messages++;
    this.#sentBytes += wireBytes;
    if (frame !== undefined) this.#sentBy.push({ frame, bytes: this.#sentBytes, atMs: nowMs });
    if (this.#sentBy.length > REMEMBERED) this.#sentBy.shift();
    this.#sent.push({ atMs: nowMs, bytes: wireBytes });
    while (this.#sent[0].atMs <= nowMs - RATE_WINDOW_MS) this.#sent.shift();
  }

  #sentBps(nowMs: number): number {
    const recent = this.#sent.filter(({ atMs }) => atMs > nowMs - RATE_WINDOW_MS);
    return (recent.reduce((sum, { bytes }) => sum + bytes, 0) * 8000) / RATE_WINDOW_MS;
  }

  /** Milliseconds that a narrow path takes for a message even without a queue. */
  get #serialisationMs(): number {
    const bytes = this.#sent.reduce((sum, each) => sum + each.bytes, 0);
    return (8000 * bytes) / Math.max(1, this.#sent.length) / this.#capacityBps;
  }

  /** Takes a report. */
  report({ loss, queueMs = 0, newestFrame }: LinkReport, nowMs: number): void {
    const kept = 0.5 ** ((nowMs - this.#lossMs) / LOSS_HALF_LIFE_MS);
    this.#worstLoss *= 0.5 ** ((nowMs - this.#lossMs) / WORST_HALF_LIFE_MS);
    this.#lossMs = nowMs;
    this.#lost = this.#lost * kept + loss * this.#messages;
    this.#heard = this.#heard * kept + this.#messages;
    this.#messages = 0;
    this.#worstLoss = Math.max(this.#worstLoss, Math.min(MAX_WORST_LOSS, this.loss));
    const sinceMs = nowMs - (this.#reportMs ?? nowMs - SILENT_MS);
    const newest = this.#sentBy.findLast(({ frame }) => frame <= (newestFrame ?? -1));
    const arrivedBps = this.#arrived(newest?.bytes, sinceMs);
    const answeredMs = newest === undefined ? Infinity : this.#answered(nowMs - newest.atMs);
    this.#reportMs = nowMs;
    const waitMs = Math.max(0, Math.min(queueMs, answeredMs) - this.#serialisationMs);
    const growth = (waitMs - this.#queueMs) / Math.max(200, Math.min(sinceMs, ONSET_MS));
    this.#queueMs = waitMs;
    if (loss > OVERLOAD_LOSS) this.#overloadedMs ??= nowMs;
    else this.#overloadedMs = undefined;
    if (nowMs - (this.#overloadedMs ?? nowMs) >= OVERLOAD_MS) {
      this.#cut(this.#sentBps(nowMs) * (1 - loss), 0, nowMs);
    } else if (waitMs > QUEUED_MS && growth > DRAINING) {
      // What came out of a queue is what the path takes; of a new one, how fast it grows tells.
      const grown = this.#sentBps(nowMs) / (1 + Math.max(0, growth));
      this.#cut(sinceMs < SILENT_MS ? (arrivedBps ?? grown) : grown, waitMs, nowMs);
    } else if (waitMs <= QUEUED_MS / 2) this.#rise(Math.min(sinceMs / 1000, MAX_REPORT_S), nowMs);
  }

  /** Bits a second that arrived since the report before. */
  #arrived(bytes: number | undefined, sinceMs: number): number | undefined {
    const before = this.#arrivedBytes;
    this.#arrivedBytes = bytes;
    if (bytes === undefined || before === undefined || sinceMs < MIN_ARRIVED_MS) return undefined;
    return ((bytes - before) * 8000) / sinceMs;
  }

  /**
   * By how much longer this answer took than the fastest of late. The receiver sees frames come late also where
   * this machine is slow to look at them, and that is no queue.
   */
  #answered(ms: number): number {
    this.#answerMs.push(ms);
    if (this.#answerMs.length > ANSWERS) this.#answerMs.shift();
    return ms - Math.min(...this.#answerMs);
  }

  /** The path takes `capacityBps`: so much less is sent that the queue drains within seconds. */
  #cut(capacityBps: number, queueMs: number, nowMs: number): void {
    this.#capacityBps = capacityBps;
    const limit = capacityBps * (0.9 - Math.min(0.3, queueMs / 4000));
    this.#limitBps = Math.max(MIN_LIMIT_BPS, Math.min(this.#limitBps, limit));
    this.#cutMs = nowMs;
  }

  #rise(seconds: number, nowMs: number): void {
    if (nowMs - this.#cutMs < HOLD_MS) return;
    const known = this.#limitBps < 0.9 * this.#capacityBps;
    const risen = this.#limitBps * (1 + RISE_PER_S[known ? 'known' : 'unknown']) ** seconds;
    // What is not used tells nothing of the path.
    const tested = Math.max(this.#limitBps, UNTESTED * this.#sentBps(nowMs));
    const most = known ? 0.9 * this.#capacityBps : tested;
    this.#limitBps = Math.min(this.#maxBps, risen, most);
  }
}
