import { createSignallingServer } from '../../transport/signalling-server.js';
import { parseCommand } from '../options.js';
import { UserError } from '../user-error.js';

/** `visavis signal [--host H] [--port P]` */
export async function signal(args: readonly string[], abort: AbortSignal): Promise<void> {
  const { host, port } = parseCommand(args, ['host', 'port']);
  const server = await createSignallingServer({ host, port }).catch((error) => {
    if (error.code === 'EADDRINUSE') {
      throw new UserError(`port ${port} is taken: give another with --port`, { cause: error });
    }
    throw new UserError(
      `cannot listen at ${host}:${port} (${error.message}): give another --host or --port`,
      { cause: error },
    );
  });
  process.stdout.write(`signalling at ${server.url}\n`);
  await new Promise<void>((resolve) => {
    if (abort.aborted) resolve();
    abort.addEventListener('abort', () => resolve(), { once: true });
  });
  await server.close();
}
