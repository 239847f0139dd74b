// A build must not ship modules whose source is gone.
import { rmSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
