/**
 * What must not reach a terminal or a log line: control characters (escape sequences, line breaks),
 * line and paragraph separators, lone surrogates, and the marks that reorder text on screen.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const UNPRINTABLE_ALL = new RegExp(UNPRINTABLE, 'gu');

const encoder = new TextEncoder();

/** UTF-8 bytes of a text. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length;
}

/** Whether a text may be shown as part of one line. */
export function isOneLine(text: string): boolean {
  return !UNPRINTABLE.test(text);
}

/** The text as one line: what may not be shown becomes a space, what is over `maxBytes` is cut. */
export function toOneLine(text: string, maxBytes: number): string {
  let bytes = 0;
  let line = '';
  for (const character of text.replace(UNPRINTABLE_ALL, ' ')) {
    bytes += utf8Length(character);
    if (bytes > maxBytes) break;
    line += character;
  }
  return line;
}
