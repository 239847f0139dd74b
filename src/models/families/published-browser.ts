import type { CreateFamily } from './network-family.js';

/**
 * In the place of `published.ts` in what a bundler makes for a page (`browser` in package.json): no page was tried with the
 * published systems, and every page would load their code.
 */
export const PUBLISHED_FAMILIES: Readonly<Record<string, CreateFamily>> = {};
