/** Figures that the papers print of themselves. None of them was measured here. */
export interface PublishedFigures {
  /** What was measured, and the table or section that says it. */
  readonly setting: string;
  readonly where: string;
  readonly psnr?: number;
  readonly ssim?: number;
  /** Mean absolute error of colours of 0–1. */
  readonly l1?: number;
  /** Mean distance of 68 points of Bulat and Tzimiropoulos, pixels of 256. */
  readonly akd?: number;
  /** Cosine of a face embedding, of the paper's own network. */
  readonly identity?: number;
  /** Anything else. */
  readonly more?: string;
}

/** One of the published systems, as its paper describes it. */
export interface PublishedSystem {
  readonly family: string;
  readonly paper: string;
  /** What it was trained on, at what size, and for how long. */
  readonly training: string;
  readonly figures: readonly PublishedFigures[];
}

const FSTH_TRAINING =
  'VoxCeleb2 (224p at 25 fps, ten times the videos of VoxCeleb1), 8 P40 GPUs, batches of 48; FF 150 epochs, FT 75';
const LSR_TRAINING =
  'VoxCeleb2: 145,569 videos of 5,994 people (224×224 in the public code), 2 epochs of layouts and 8 of the whole, the best 5 more; GPUs not stated';
const HEAD2HEAD_TRAINING =
  '480 people, about 1000 frames each, 256×256; 20 epochs, then 15 on 50–500 frames of the person (3–30 minutes) on one RTX 2080 Ti';
const FSRT_TRAINING =
  'VoxCeleb: about 17,000 utterances of 419 people, 256×256; about a million steps of 24 on three A100 of 80 GB';

export const PUBLISHED: readonly PublishedSystem[] = [
  {
    family: 'fsth',
    paper: 'Zakharov et al. 2019',
    training: FSTH_TRAINING,
    figures: [
      {
        setting: 'FF, 8 references',
        where: 'Table 1',
        ssim: 0.64,
        identity: 0.47,
        more: 'FID 42.2',
      },
      {
        setting: 'FT, 8 references, fine-tuned',
        where: 'Table 1',
        ssim: 0.68,
        identity: 0.42,
        more: 'FID 42.2',
      },
      {
        setting: 'size and speed',
        where: 'Table 2, section A.1',
        more: 'embedder of 15 million parameters, generator of 38 (section 3.4); a frame 139 ms on a P40, 13 ms on an RTX 2080 Ti; FF enrolment 61 ms of 1 picture, 138 ms of 8; FT 44 s of 1, 85 s of 8',
      },
    ],
  },
  {
    family: 'lsr',
    paper: 'Meshry et al. 2021',
    training: LSR_TRAINING,
    figures: [
      {
        setting: 'meta-learned, 4 references',
        where: 'Table 4',
        psnr: 18.9,
        ssim: 0.638,
        identity: 0.909,
        more: 'LPIPS 0.192, NMKE 0.039, FID 43.19',
      },
      {
        setting: 'fine-tuned, 4 references',
        where: 'Table 4',
        psnr: 19.33,
        ssim: 0.661,
        identity: 0.93,
        more: 'LPIPS 0.171, NMKE 0.037, FID 34.31',
      },
    ],
  },
  {
    family: 'head2head',
    paper: 'Doukas et al. 2021 (Head2HeadFS)',
    training: HEAD2HEAD_TRAINING,
    figures: [
      {
        setting: 'fine-tuned on 50 frames, five people',
        where: 'Table 1',
        more: 'average pixel distance 13.1–25.7, FID of ArcFace features 0.23–0.70',
      },
      { setting: 'speed', where: 'section 4', more: 'the whole pipeline 20 fps on an RTX 2080 Ti' },
    ],
  },
  {
    family: 'fsrt',
    paper: 'Rochow et al. 2024',
    training: FSRT_TRAINING,
    figures: [
      { setting: '1 source', where: 'Table 1', psnr: 23.67, ssim: 0.7576, l1: 0.0421, akd: 2.13 },
      { setting: '2 sources', where: 'Table 1', psnr: 25, ssim: 0.7891, l1: 0.036, akd: 2.04 },
      {
        setting: '|e| = 64, 1 source',
        where: 'Table 1',
        psnr: 23.61,
        ssim: 0.7535,
        l1: 0.043,
        akd: 2.18,
      },
      {
        setting: 'small decoder, 1 source',
        where: 'Table 1',
        psnr: 23.6,
        ssim: 0.7548,
        l1: 0.043,
        akd: 2.17,
      },
      {
        setting: 'speed',
        where: 'section 4.2',
        more: '11 fps, small decoder 23 fps, on an RTX 4090',
      },
    ],
  },
];

/** Why a paper's figure and ours are no comparison of systems. */
export const WHAT_DIFFERS =
  'Papers measure frames of VoxCeleb (Head2HeadFS: of its own videos), cut close around the face at 224 or 256 pixels; we measure the head and what surrounds it of other people, at 256 pixels, through a lossy codec. ' +
  'Their networks saw hundreds to thousands of people for days or weeks on GPUs; ours saw what the model card of each pack says, at the size in the table, for minutes to hours on CPU cores. ' +
  'Points and face embeddings are of other networks. A figure of ours below a paper’s says nothing against the system.';
