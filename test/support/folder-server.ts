/** Serves a built application on loopback, with the headers that a test wants. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

export interface FolderServer {
  /** Ends in a slash. */
  readonly url: string;
  /** Paths that were asked for and are there, without a leading slash. */
  readonly served: ReadonlySet<string>;
  /** And those that are not. */
  readonly missing: ReadonlySet<string>;
  close(): Promise<void>;
}

/** Every response has the headers, those of a worker's script included. */
export async function serveFolder(
  folder: string,
  headers: Readonly<Record<string, string>>,
): Promise<FolderServer> {
  const served = new Set<string>();
  const missing = new Set<string>();
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://localhost');
    const path = normalize(pathname).slice(1) || 'index.html';
    const content = await readFile(join(folder, path)).catch(() => undefined);
    (content ? served : missing).add(path);
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    response.writeHead(content ? 200 : 404, { ...headers, 'content-type': type });
    response.end(content);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    served,
    missing,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
