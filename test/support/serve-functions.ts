/** In a worker: answers the calls of `openWorkerPage` (worker-page.ts). Values are JSON. */
export function serveFunctions(
  functions: Readonly<Record<string, (...args: never[]) => unknown>>,
): void {
  addEventListener('message', async ({ data: [name, args], ports: [port] }: MessageEvent) => {
    try {
      port!.postMessage({ value: await functions[name]!(...(args as never[])) });
    } catch (error) {
      port!.postMessage({ error: String(error) });
    }
  });
}
