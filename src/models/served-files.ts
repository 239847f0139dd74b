/**
 * The first of some files that the server does not give, and what it does instead: `URL (404)`. A page
 * in a file's place, as servers of single-page applications give it, counts as missing.
 */
export async function firstMissing(urls: readonly URL[]): Promise<string | undefined> {
  for (const url of urls) {
    const answer = await fetch(url, { method: 'HEAD' }).catch(() => undefined);
    if (!answer) return `${url} (no answer)`;
    if (!answer.ok) return `${url} (${answer.status})`;
    if (answer.headers.get('content-type')?.startsWith('text/html')) return `${url} (a page is)`;
  }
  return undefined;
}
