// @ts-check
/**
 * Serves the call: the page, what `npx visavis assets` writes, and the signalling, at one address.
 *
 *     npm run call -- [--port 8080] [--host localhost] [--origin https://call.example.org]...
 *
 * Environment: VISAVIS_FACE_LANDMARKER, the path of your copy of MediaPipe's face_landmarker.task;
 * VISAVIS_ICE_SERVERS, a JSON array of RTCIceServer for peers in different networks (default: none).
 */
import { spawnSync } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { attachSignalling } from './signalling.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** @type {Record<string, string>} */
const MIME = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** What every answer carries: cross-origin isolated (threads for wasm), and nothing from elsewhere. */
const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "style-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Permissions-Policy': 'camera=(self), microphone=(self)',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-cache',
};

/**
 * Starts the server; resolves when it listens.
 *
 * @param {object} [options]
 * @param {number} [options.port] 0 takes any free one. Default 8080.
 * @param {string} [options.host] Default 'localhost'.
 * @param {readonly string[]} [options.allowedOrigins] See `attachSignalling`.
 * @param {string | undefined} [options.faceLandmarker] Path of a face_landmarker.task.
 * @param {readonly RTCIceServer[]} [options.iceServers]
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function serveCall({
  port = 8080,
  host = 'localhost',
  allowedOrigins = [],
  faceLandmarker,
  iceServers = [],
} = {}) {
  if (faceLandmarker !== undefined && !existsSync(faceLandmarker)) {
    throw new Error(`VISAVIS_FACE_LANDMARKER: there is no file ${faceLandmarker}`);
  }
  const assets = writeAssets();
  const script = await bundlePage();
  const config = JSON.stringify({ faceLandmarker: faceLandmarker !== undefined, iceServers });

  const server = createServer(async (request, response) => {
    try {
      for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.writeHead(405, { Allow: 'GET, HEAD' }).end();
        return;
      }
      const path = pathOf(request.url ?? '/');
      if (path === '/main.js') sendText(response, '.js', script);
      else if (path === '/config.json') sendText(response, '.json', config);
      else await sendFile(request, response, fileAt(path, assets, faceLandmarker));
    } catch {
      // The client went away, or the file did.
      response.destroy();
    }
  });
  const signalling = attachSignalling(server, { allowedOrigins });
  await new Promise((resolved, rejected) => {
    server.once('error', rejected);
    server.listen(port, host, () => resolved(undefined));
  });
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    // Cameras are for secure pages: https, and http on this machine under this name.
    url: `http://${host === '0.0.0.0' || host === '::' ? 'localhost' : host}:${address.port}/`,
    close: () =>
      new Promise((resolved) => {
        signalling.close();
        server.close(() => resolved());
        server.closeAllConnections();
      }),
  };
}

/** The folder that `npx visavis assets` makes. */
function writeAssets() {
  const folder = join(REPOSITORY, 'out/browser-call/visavis');
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(REPOSITORY, 'dist/cli/main.js'), 'assets', folder],
    { cwd: REPOSITORY, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`visavis assets: ${stderr}`);
  return folder;
}

/** The page's modules as one. */
async function bundlePage() {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, 'main.ts')],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  return outputFiles[0].text;
}

/** @param {string} url @returns {string | undefined} */
function pathOf(url) {
  try {
    return decodeURIComponent(new URL(url, 'http://host').pathname);
  } catch {
    return undefined;
  }
}

/** @param {string | undefined} path @param {string} assets @param {string | undefined} task */
function fileAt(path, assets, task) {
  if (path === '/') return join(HERE, 'index.html');
  if (path === '/style.css' || path === '/icon.svg') return join(HERE, path);
  if (path === '/face_landmarker.task') return task;
  if (!path?.startsWith('/visavis/') || path.includes('\0')) return undefined;
  const file = resolve(assets, `.${path.slice('/visavis'.length)}`);
  return file.startsWith(assets + sep) ? file : undefined;
}

/** @param {import('node:http').ServerResponse} response @param {string} type @param {string} text */
function sendText(response, type, text) {
  response.writeHead(200, { 'Content-Type': MIME[type] }).end(text);
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 * @param {string | undefined} file
 */
async function sendFile(request, response, file) {
  const found = file === undefined ? undefined : await stat(file).catch(() => undefined);
  if (file === undefined || !found?.isFile()) {
    response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('Not here.\n');
    return;
  }
  const tag = `"${found.size.toString(36)}-${Math.round(found.mtimeMs).toString(36)}"`;
  response.setHeader('ETag', tag);
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304).end();
    return;
  }
  response.writeHead(200, {
    'Content-Type': MIME[extname(file)] ?? 'application/octet-stream',
    'Content-Length': found.size,
  });
  if (request.method === 'HEAD') response.end();
  else await pipeline(createReadStream(file), response);
}

/** The command line. */
async function main() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8080' },
      host: { type: 'string', default: 'localhost' },
      origin: { type: 'string', multiple: true, default: [] },
    },
  });
  const { url } = await serveCall({
    port: Number(values.port),
    host: values.host,
    allowedOrigins: values.origin,
    faceLandmarker: process.env.VISAVIS_FACE_LANDMARKER,
    iceServers: JSON.parse(process.env.VISAVIS_ICE_SERVERS ?? '[]'),
  });
  console.log(url);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    const taken = error.code === 'EADDRINUSE';
    console.error(taken ? 'That port is taken: npm run call -- --port 8081' : error.message);
    process.exitCode = 1;
  });
}
