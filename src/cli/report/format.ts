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
