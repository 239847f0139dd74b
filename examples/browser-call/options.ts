/**
 * What the address may say, for people with a reason: `?decoder=wasm` (webgpu, wasm, warp), `?model=`
 * (a pack below visavis/packs/), `?fps=15`. What is no such value the library refuses by name.
 */
import type {
  DecoderChoice,
  TalkingHeadReceiverOptions,
  TalkingHeadSenderOptions,
} from 'visavis/browser';

/** The options of the library that are the same for every call of this page. */
export interface PageOptions {
  readonly sender: Pick<TalkingHeadSenderOptions, 'assets' | 'model' | 'tracker' | 'fps'>;
  readonly receiver: Pick<TalkingHeadReceiverOptions, 'assets' | 'model' | 'decoder' | 'label'>;
  readonly iceServers: readonly RTCIceServer[];
}

/** "Synthesised", in the page's few languages. */
const LABELS: Readonly<Record<string, string>> = {
  en: 'Synthesised',
  de: 'Synthetisiert',
  fr: 'Image de synthèse',
  es: 'Imagen sintetizada',
};

/** Reads the address and what the server was started with. */
export async function readOptions(): Promise<PageOptions> {
  const query = new URLSearchParams(location.search);
  const response = await fetch('config.json');
  const { faceLandmarker, iceServers } = await response.json();
  const assets = new URL('visavis/', document.baseURI);
  const pack = query.get('model');
  const shared = { assets, ...(pack && { model: new URL(`packs/${pack}/`, assets) }) };
  const fps = query.get('fps');
  const decoder = query.get('decoder') as DecoderChoice | null;
  const text = LABELS[navigator.language.slice(0, 2)] ?? LABELS.en;
  const task = new URL('face_landmarker.task', document.baseURI);
  return {
    sender: {
      ...shared,
      ...(fps && { fps: Number(fps) }),
      ...(faceLandmarker && { tracker: { faceLandmarker: task } }),
    },
    receiver: { ...shared, ...(decoder && { decoder }), label: { text } },
    iceServers,
  };
}
