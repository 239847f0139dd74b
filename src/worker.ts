/**
 * The module that a browser's Worker loads for `createWorkerDecoder`:
 * `new Worker(new URL('visavis/worker', import.meta.url), { type: 'module' })` where a bundler
 * resolves that, or a module of the application's own that imports it.
 */
import { serveDecoders } from './models/worker-host.js';

serveDecoders(globalThis);
