import { arch, cpus, release, totalmem, type } from 'node:os';
import type { Machine } from './schema.js';

/** This machine, without anything that names it or its owner. */
export function describeMachine(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memory_gb: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    os: `${type()} ${release()} ${arch()}`,
    node: process.version,
  };
}
