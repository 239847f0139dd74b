import type { LinkFigures } from './schema.js';

/** Up to `digits` decimals, a dash for what is not known. */
export const format = (value: number | null, digits: number): string =>
  value === null
    ? '–'
    : Number(value.toFixed(digits)).toLocaleString('en', {
        minimumFractionDigits: 0,
        maximumFractionDigits: digits,
      });

export const thousands = (value: number | null): string => format(value, 0);

export const kilobytes = (bytes: number | null): string =>
  bytes === null ? '–' : `${format(bytes / 1000, bytes < 10_000 ? 1 : 0)} kB`;

/** What a simulated network lost of what was sent, or undefined where there was none. */
export function lostOf(link: LinkFigures | null, direction: string): string | undefined {
  if (!link) return undefined;
  const lost = link.lost + link.lost_to_outage + link.dropped_by_queue;
  return `${lost} of ${link.sent} datagrams lost ${direction}`;
}
