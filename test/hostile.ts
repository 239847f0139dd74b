import fc from 'fast-check';
import type { DropCode } from '../src/protocol/errors.js';

/** Every code that a drop may have, so that a test sees a value that is none. */
export const DROP_CODES: readonly DropCode[] = [
  'truncated',
  'malformed',
  'over-limit',
  'unknown-type',
  'duplicate',
  'too-old',
  'missing-reference',
  'unexpected',
  'hash-mismatch',
  'digest-mismatch',
];

/** Bytes of a hostile peer: random ones, and valid messages flipped, cut, spliced and overwritten. */
export function hostileBytes(valid: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const original = fc.constantFrom(...valid);
  const position = fc.oneof(fc.nat(16), fc.nat(4096), fc.nat(0xffff));
  const edit = fc.oneof(
    fc.tuple(position, fc.nat(7)).map(([at, bit]) => (bytes: Uint8Array) => {
      const copy = bytes.slice();
      if (copy.length > 0) copy[at % copy.length] ^= 1 << bit;
      return copy;
    }),
    fc.tuple(position, fc.nat(255)).map(([at, value]) => (bytes: Uint8Array) => {
      const copy = bytes.slice();
      if (copy.length > 0) copy[at % copy.length] = value;
      return copy;
    }),
    position.map((at) => (bytes: Uint8Array) => bytes.slice(0, at % (bytes.length + 1))),
    fc
      .tuple(position, position, fc.oneof(original, fc.uint8Array({ maxLength: 12 })))
      .map(([at, from, other]) => (bytes: Uint8Array) => {
        const cut = at % (bytes.length + 1);
        const tail = other.subarray(from % (other.length + 1));
        return Uint8Array.from(Buffer.concat([bytes.subarray(0, cut), tail]));
      }),
  );
  const mutated = fc
    .tuple(original, fc.array(edit, { minLength: 0, maxLength: 3 }))
    .map(([bytes, edits]) => edits.reduce((result, apply) => apply(result), bytes));
  const typed = fc
    .tuple(original, fc.uint8Array({ maxLength: 40 }))
    .map(([bytes, rest]) => Uint8Array.from([bytes[0] ?? 0, ...rest]));
  return fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    { weight: 1, arbitrary: typed },
    { weight: 4, arbitrary: mutated },
  );
}

/** The most elements of a typed array or buffer that `run` asked for by number. */
export function largestAllocation(run: () => void): number {
  let largest = 0;
  const names = ['Uint8Array', 'Int16Array', 'Float32Array', 'ArrayBuffer', 'Array'] as const;
  const originals = names.map((name) => globalThis[name]);
  const scope = globalThis as Record<string, unknown>;
  names.forEach((name, index) => {
    const watched: object = new Proxy(originals[index], {
      construct(target, args, newTarget) {
        if (typeof args[0] === 'number') largest = Math.max(largest, args[0]);
        return Reflect.construct(target, args, newTarget === watched ? target : newTarget);
      },
    });
    scope[name] = watched;
  });
  try {
    run();
  } finally {
    names.forEach((name, index) => {
      scope[name] = originals[index];
    });
  }
  return largest;
}
