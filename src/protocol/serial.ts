/**
 * The integer nearest to `near` that is congruent to `low` modulo `2 ** bits`: turns a truncated
 * counter from the wire back into the full one (serial number arithmetic, RFC 1982).
 */
export function extendSerial(low: number, near: number, bits: number): number {
  const span = 2 ** bits;
  const half = span / 2;
  const ahead = (((low - near) % span) + span) % span;
  return near + (ahead >= half ? ahead - span : ahead);
}
