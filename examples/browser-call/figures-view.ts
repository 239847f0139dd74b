/** The charts, the table of means, and what draws and tracks: once a second while a call lasts. */
import type { Call } from './call.js';
import { Chart } from './charts.js';
import { Comparison, type Means, type Sample, Sampler } from './figures.js';
import type { TalkingHead } from './talking-head.js';
import { byId } from './ui.js';
import type { Mode } from './video-mode.js';

const INTERVAL_MS = 1_000;
/** Samples kept for the charts: a minute. */
const MAX_SAMPLES = 61;

const NAMES: Readonly<Record<Mode, string>> = {
  'talking-head': 'Talking head',
  ordinary: 'Ordinary video',
};

type Facts = Awaited<ReturnType<typeof takeFacts>>;

/** Measures and shows until it is stopped. */
export function showFigures(call: Call): () => void {
  const charts = {
    wire: new Chart(byId<HTMLCanvasElement>('chart-wire'), {
      lines: [
        { of: 'sentKbps', colour: '--sent' },
        { of: 'receivedKbps', colour: '--received' },
      ],
      scales: [[3, 10, 30, 100, 300, 1000]],
      logarithmic: true,
    }),
    fps: new Chart(byId<HTMLCanvasElement>('chart-fps'), {
      lines: [{ of: 'fps', colour: '--received' }],
      scales: [[0, 10, 20, 30]],
    }),
    latency: new Chart(byId<HTMLCanvasElement>('chart-latency'), {
      lines: [{ of: 'latencyMs', colour: '--received' }],
      scales: [
        [0, 100, 200, 300],
        [0, 200, 400, 600],
        [0, 500, 1000, 1500],
        [0, 1000, 2000, 3000],
      ],
    }),
  };
  const sampler = new Sampler(byId<HTMLVideoElement>('remote'));
  const comparison = new Comparison();
  const samples: Sample[] = [];

  const measure = async () => {
    const sample = await sampler.sample(call);
    if (sample) {
      samples.push(sample);
      if (samples.length > MAX_SAMPLES) samples.shift();
      comparison.add(sample);
    }
    const last = samples.at(-1);
    const inUse: Mode = last?.receiveMode ?? 'talking-head';
    const otherMode: Mode = inUse === 'ordinary' ? 'talking-head' : 'ordinary';
    const other = comparison.means(otherMode);
    const nowMs = performance.now();
    for (const chart of Object.values(charts)) chart.draw(samples, other, nowMs);
    const key = byId('legend-other');
    key.hidden = other.sentKbps === undefined && other.receivedKbps === undefined;
    key.textContent = `${NAMES[otherMode].toLowerCase()}, mean`;
    for (const mode of ['talking-head', 'ordinary'] as const) {
      fillRow(byId<HTMLTableRowElement>(`row-${mode}`), comparison.means(mode));
    }
    const facts = call.session && (await takeFacts(call.session.head));
    showFacts(facts, last);
    const head = comparison.means('talking-head');
    const ordinary = comparison.means('ordinary');
    const stats = { ...last, means: { talkingHead: head, ordinary }, ...facts };
    byId('stats').dataset.stats = JSON.stringify(stats);
  };
  const timer = setInterval(() => void measure().catch(() => undefined), INTERVAL_MS);
  return () => clearInterval(timer);
}

function fillRow({ cells }: HTMLTableRowElement, means: Means): void {
  const show = (value: number | undefined) =>
    value === undefined ? '–' : value.toFixed(value < 10 ? 1 : 0);
  cells[1].textContent = show(means.sentKbps);
  cells[2].textContent = show(means.receivedKbps);
  cells[3].textContent = show(means.fps);
  cells[4].textContent = show(means.latencyMs);
}

async function takeFacts({ sender, receiver }: TalkingHead) {
  const [sent, received] = await Promise.all([sender?.getStats(), receiver?.getStats()]);
  return { sender: sent, receiver: received };
}

function showFacts(facts: Facts | undefined, sample: Sample | undefined): void {
  const lines: string[] = [];
  const decoder = facts?.receiver?.decoder;
  const tracker = facts?.sender?.tracker;
  if (decoder) {
    const how = {
      webgpu: 'The graphics processor draws the picture',
      wasm: 'The processor draws the picture',
      warp: 'The picture is bent from the reference pictures, without a network',
    }[decoder.runtime];
    lines.push(`${how} (${decoder.reason}).`);
  }
  if (tracker) {
    const { name, runtime, reason } = tracker;
    lines.push(`Your face is found by the model “${name}”, on ${runtime} (${reason}).`);
  }
  if (sample) {
    const { audioSentKbps, audioReceivedKbps, messagesSentKbps, sentKbps } = sample;
    lines.push(
      `Sound is apart: ${audioSentKbps.toFixed(0)} kbps sent, ${audioReceivedKbps.toFixed(0)} received.`,
    );
    if (sample.started && sample.sendMode === 'talking-head') {
      lines.push(
        `Of the ${sentKbps.toFixed(1)} kbps that are sent now, ${messagesSentKbps.toFixed(1)} are the talking head’s messages with their headers. The rest acknowledges what is received, and is the sound’s reports (RTCP).`,
      );
    }
    lines.push(
      'The headers of UDP and IP are counted. The means leave out the start, when the reference pictures are sent once, and three seconds after each switch.',
    );
  }
  const list = byId('facts');
  if (list.textContent === lines.join('')) return;
  list.replaceChildren(
    ...lines.map((text) => Object.assign(document.createElement('li'), { textContent: text })),
  );
}
