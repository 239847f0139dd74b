/** What the codes of the library mean to the two people: one sentence, and what to do. */

const FAILURES: Readonly<Record<string, string>> = {
  'version-mismatch':
    'The other side has another version of this page: reload it on both sides, or use ordinary video.',
  'pack-mismatch':
    'The two sides have different models: reload the page on both sides, or use ordinary video.',
  'no-common-family':
    'The other side cannot draw this model: reload the page on both sides, or use ordinary video.',
  'unsupported-size': 'The other side cannot draw pictures of this size: use ordinary video.',
  unsigned:
    "The other side's pictures are not signed and are not shown: ask them to reload this page.",
  'signature-invalid':
    "The other side's pictures are not signed for this call and are not shown: hang up, and call with a new link.",
  'key-changed':
    "The other side's key changed during the call: hang up, and ask them by another way whether it was they.",
  'identity-of-another':
    'The other side shows a face that you know under another key, and it is not shown: hang up, and ask them by another way.',
  'unusable-identity': "The other side's pictures cannot be read: ask them to take them again.",
};

/** Why there is no talking head, or none that is shown, though there is a connection. */
export function failureMessage(code: string, message: string): string {
  return (
    FAILURES[code] ??
    `The talking head stopped: ${message}. Reload the page, or use ordinary video.`
  );
}
