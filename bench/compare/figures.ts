/** Figures of a bench's JSON by their path, whichever bench it is, and what has become worse. */

/** Where a run says what it was, not what came out. */
const SETTINGS = new Set([
  'machine',
  'options',
  'config',
  'scenario',
  'setting',
  'link',
  'links',
  'series',
]);

/** What tells an element of a list from the others, in the order of their names. */
const NAMES = [
  'scenario',
  'preset',
  'name',
  'clip',
  'file',
  'split',
  'setting',
  'decoder',
  'codec',
];
const NUMBERS = ['size', 'width', 'quantiser', 'targetKbps', 'seed', 'run'];

/** A longer list whose elements have no name is a series, not figures. */
const MAX_UNNAMED = 50;

/** What is better where it is lower, by the words of a figure's name. */
const LOWER = new Set(
  (
    'ms kbps bps bytes bits kb latency concealed interpolated extrapolated held skipped dropped drops lost loss ' +
    'error errors px butteraugli akd lips irises iris l1 flicker stalls off blind recovery cpu decode track encode ' +
    'connect missing late cost back'
  ).split(' '),
);
const HIGHER = new Set(
  'psnr ssim fps decoded identity similarity sharpness received shown db mouth eyes'.split(' '),
);

/** Whether lower or higher is better; undefined: not known of a figure of that name. */
export type Better = 'lower' | 'higher' | undefined;

/** Figures by path, such as `results[lowest].stages.wire.p95`. Settings and series are left out. */
export function figuresIn(run: unknown): Map<string, number> {
  const figures = new Map<string, number>();
  collect(run, '', figures);
  return figures;
}

function collect(value: unknown, path: string, figures: Map<string, number>): void {
  if (typeof value === 'number') {
    figures.set(path, value);
  } else if (Array.isArray(value)) {
    const named = value.map(nameOf);
    if (value.some((each) => typeof each !== 'object' || each === null)) return;
    if (named.includes(undefined) && value.length > MAX_UNNAMED) return;
    const counts = new Map<string, number>();
    value.forEach((each, index) => {
      const name = named[index] ?? `${index}`;
      const before = counts.get(name) ?? 0;
      counts.set(name, before + 1);
      const place = before === 0 ? name : `${name} #${before + 1}`;
      collect(each, `${path}[${place}]`, figures);
    });
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, each] of Object.entries(value)) {
      const setting = SETTINGS.has(key) || (path !== '' && NUMBERS.includes(key));
      if (!setting) collect(each, path === '' ? key : `${path}.${key}`, figures);
    }
  }
}

function nameOf(element: unknown): string | undefined {
  if (typeof element !== 'object' || element === null) return undefined;
  const fields = element as Record<string, unknown>;
  const texts = NAMES.map((key) => {
    const field = fields[key];
    const name = (field as { name?: unknown } | undefined)?.name;
    return typeof field === 'string' ? field : typeof name === 'string' ? name : undefined;
  });
  const numbers = NUMBERS.filter((key) => typeof fields[key] === 'number').map(
    (key) => `${key} ${fields[key]}`,
  );
  const parts = [...texts.filter((text) => text !== undefined), ...numbers];
  return parts.length > 0 ? parts.join(' ') : undefined;
}

/** By the last word that says something, from the figure's own name up to its parents'. */
export function better(path: string): Better {
  const words = path
    .replaceAll('kB', 'kb')
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(/([a-z0-9])([A-Z])|([a-z])([0-9])/g, '$1$3 $2$4')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  for (const word of words.reverse()) {
    if (LOWER.has(word)) return 'lower';
    if (HIGHER.has(word)) return 'higher';
  }
  return undefined;
}

/** One figure of two runs. */
export interface Change {
  readonly path: string;
  readonly before: number;
  readonly after: number;
  /** After over before; undefined where before is 0. */
  readonly ratio: number | undefined;
  /** `changed`: by more than the share, but which way is better is not known. */
  readonly verdict: 'same' | 'better' | 'worse' | 'changed';
}

export interface Comparison {
  readonly changes: readonly Change[];
  /** Paths of figures that only one of the runs has. */
  readonly onlyBefore: readonly string[];
  readonly onlyAfter: readonly string[];
}

/** Compares two runs; a change counts where it is more than `share` of the figure before. */
export function compareRuns(before: unknown, after: unknown, share: number): Comparison {
  const [old, fresh] = [figuresIn(before), figuresIn(after)];
  const changes = [...old].flatMap(([path, was]): Change[] => {
    const is = fresh.get(path);
    if (is === undefined) return [];
    const ratio = was === 0 ? undefined : is / was;
    return [{ path, before: was, after: is, ratio, verdict: judge(path, was, is, share) }];
  });
  return {
    changes,
    onlyBefore: [...old.keys()].filter((path) => !fresh.has(path)),
    onlyAfter: [...fresh.keys()].filter((path) => !old.has(path)),
  };
}

function judge(path: string, before: number, after: number, share: number): Change['verdict'] {
  const change = after - before;
  if (Math.abs(change) <= share * Math.abs(before)) return 'same';
  const good = better(path);
  if (good === undefined) return 'changed';
  return change < 0 === (good === 'lower') ? 'better' : 'worse';
}
