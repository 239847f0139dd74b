import type { Picture } from '../../geometry/picture.js';
import { smoothstep } from '../../geometry/smoothstep.js';

/** Frames that a fade takes: a third of a second at 25 a second. */
export const FADE_FRAMES = 8;
/** Versions that are on show at once at most: each is drawn. Beyond, the oldest goes at once. */
const MAX_VERSIONS = 3;

/** What draws a person, one version after the other, each fading in over those before. */
export interface CrossFade<T> {
  /** The newest version. */
  readonly newest: T | undefined;
  /** Shows this one alone. */
  jumpTo(version: T): void;
  /** Fades to this one over the next `FADE_FRAMES` pictures. */
  fadeTo(version: T): void;
  /**
   * The next picture of what `draw` gives for each version that shows; one of them, of which there is the most
   * to be seen, `leads`.
   */
  picture(draw: (version: T, leads: boolean) => Picture | Promise<Picture>): Promise<Picture>;
  clear(): void;
}

/**
 * Fades in the picture: all versions are drawn with the same geometry, so nothing is doubled, and whatever
 * else differs (which reference shows what) fades with the references' pixels.
 */
export function createCrossFade<T>(): CrossFade<T> {
  let versions: { readonly version: T; frames: number }[] = [];
  return {
    get newest() {
      return versions.at(-1)?.version;
    },
    jumpTo(version) {
      versions = [{ version, frames: 0 }];
    },
    fadeTo(version) {
      versions = [...versions, { version, frames: 0 }].slice(-MAX_VERSIONS);
    },
    async picture(draw) {
      const shown = versions;
      const [first, ...others] = shown;
      for (const layer of others) layer.frames++;
      const share = ({ frames }: { frames: number }) => smoothstep(0, FADE_FRAMES, frames);
      const leader = others.findLast((layer) => share(layer) >= 0.5) ?? first;
      const picture = await draw(first.version, first === leader);
      for (const layer of others) {
        mix(picture, await draw(layer.version, layer === leader), share(layer));
      }
      const complete = versions.findLastIndex(({ frames }) => frames >= FADE_FRAMES);
      if (complete > 0) versions = versions.slice(complete);
      return picture;
    },
    clear() {
      versions = [];
    },
  };
}

/** Turns `share` (0–1) of the first picture into the second. */
function mix({ data }: Picture, { data: other }: Picture, share: number): void {
  for (let i = 0; i < data.length; i++) data[i] += share * (other[i] - data[i]);
}
