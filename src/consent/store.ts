/** Where the device's key and the known keys lie. */
export interface ConsentStore {
  /** The value under a name, a copy; undefined where there is none. */
  get(name: string): Promise<unknown>;
  /**
   * Puts what `change` makes of the value under a name in its place, and gives that back. No other
   * `update` comes in between, of another page of the origin neither. Rejects where it cannot be kept.
   */
  update<T>(name: string, change: (value: unknown) => T): Promise<T>;
}

/** A store that lasts as long as the object does. Values are structured-cloneable. */
export function createMemoryStore(): ConsentStore {
  const values = new Map<string, unknown>();
  return {
    async get(name) {
      return structuredClone(values.get(name));
    },
    async update(name, change) {
      const value = change(structuredClone(values.get(name)));
      values.set(name, structuredClone(value));
      return value;
    },
  };
}
