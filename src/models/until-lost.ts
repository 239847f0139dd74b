import type { OpenSession } from './inference.js';

/**
 * The same networks until what runs them is lost: from then on, and where they are waited for just then, their
 * promises reject with `lost`'s error, as a run may never end; a session is then closed.
 */
export function untilLost(open: OpenSession, lost: Promise<Error>): OpenSession {
  let gone: Error | undefined;
  // A race of promises would keep every result as long as nothing is lost.
  const waiting = new Set<(error: Error) => void>();
  void lost.then((error) => {
    gone = error;
    for (const reject of waiting) reject(error);
  });
  const within = <T>(work: () => Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (gone) {
        reject(gone);
        return;
      }
      waiting.add(reject);
      work()
        .then(resolve, reject)
        .finally(() => waiting.delete(reject));
    });
  return async (graph) => {
    const session = await within(() => open(graph));
    return {
      run: (inputs) => within(() => session.run(inputs)),
      close: () =>
        within(() => session.close()).catch((error) => {
          // What is lost holds nothing.
          if (!gone) throw error;
        }),
    };
  };
}
