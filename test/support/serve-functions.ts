/**
 * In a worker: answers the calls of `openWorkerPage` (worker-page.ts); values are JSON. `violations` gives what
 * the policy forbade.
 */
export function serveFunctions(
  functions: Readonly<Record<string, (...args: never[]) => unknown>>,
): void {
  const violations: string[] = [];
  addEventListener('securitypolicyviolation', (event) => {
    const { violatedDirective, blockedURI } = event as SecurityPolicyViolationEvent;
    violations.push(`${violatedDirective}: ${blockedURI}`);
  });
  const all: typeof functions = { violations: () => violations, ...functions };
  addEventListener('message', async ({ data: [name, args], ports: [port] }: MessageEvent) => {
    try {
      port!.postMessage({ value: await all[name]!(...(args as never[])) });
    } catch (error) {
      port!.postMessage({ error: String(error) });
    }
  });
}
