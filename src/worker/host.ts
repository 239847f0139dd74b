import { VERSION } from '../version.js';
import { trackGeneratorClass } from './frame-sink.js';
import { trackProcessorClass } from './frame-source.js';
import {
  type FromWorker,
  isOpen,
  isOpenNetworks,
  type Open,
  sendError,
  type ToWorker,
} from './messages.js';
import { serveNetworks } from './network-host.js';
import type { Page } from './page.js';
import type { Pipeline } from './pipeline.js';
import { ReceiverPipeline } from './receiver-pipeline.js';
import { createRelayedChannels, type RelayedChannels } from './relayed-channels.js';
import { SenderPipeline } from './sender-pipeline.js';

/** The part of a worker's global scope that is used. */
export interface WorkerScope {
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
}

/** Serves the pipelines that the page's half opens on this worker; leaves other messages alone. */
export function servePipelines(scope: WorkerScope): void {
  scope.addEventListener('message', ({ data }) => {
    if (isOpen(data)) serve(data);
    else if (isOpenNetworks(data)) serveNetworks(data);
  });
}

function serve({ version, pipeline: settings, port }: Open): void {
  const post = (message: FromWorker, transfer: Transferable[] = []) =>
    port.postMessage(message, transfer);
  const page: Page = { post, event: (name, detail) => post({ type: 'event', name, detail }) };
  const opening = open(version, settings, page);
  let channels: RelayedChannels | undefined;

  const handle = async (pipeline: Pipeline, message: ToWorker): Promise<void> => {
    switch (message.type) {
      case 'connected':
        channels = createRelayedChannels((channel, bytes) =>
          post({ type: 'send', channel, bytes }, [bytes.buffer as ArrayBuffer]),
        );
        pipeline.connect(channels, message.fingerprints);
        return;
      case 'message':
        channels?.message(message.channel, message.bytes, message.receivedMs);
        return;
      case 'sent':
        channels?.sent(message.channel, message.bytes, message.buffered);
        return;
      case 'disconnected':
        channels?.disconnect(message.reason);
        return;
      case 'get-stats':
        post({ type: 'reply', id: message.id, value: pipeline.getStats() });
        return;
      case 'close':
        await pipeline.close();
        post({ type: 'reply', id: message.id, value: undefined });
        port.close();
        return;
      default:
        pipeline.receive(message);
    }
  };

  opening.then(
    (pipeline) => {
      port.onmessage = ({ data }: MessageEvent<ToWorker>) => void handle(pipeline, data);
      post({
        type: 'opened',
        hasTrackProcessor: trackProcessorClass() !== undefined,
        hasTrackGenerator: trackGeneratorClass() !== undefined,
      });
    },
    (error: unknown) => {
      post({ type: 'open-failed', error: sendError(error) });
      port.close();
    },
  );
}

async function open(version: string, settings: Open['pipeline'], page: Page): Promise<Pipeline> {
  if (version !== VERSION) {
    throw new Error(
      `the page has visavis ${version} and its worker ${VERSION}: run \`npx visavis assets\` again`,
    );
  }
  return settings.kind === 'sender'
    ? SenderPipeline.open(settings, page)
    : ReceiverPipeline.open(settings, page);
}
