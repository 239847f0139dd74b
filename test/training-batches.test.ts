/** Batches prepared ahead, in a thread of their own. */
import { expect, it } from 'vitest';
import { python, runInTraining } from './support/python.js';
import { describeNeeds, pythonPath } from './tools.js';

const BATCHES = `
import atexit, threading
import torch
from common.run import Processes
from common.training import batches
`;

/** Five of numbers that depend on the step; threads are counted when Python ends. */
const COUNTED = `${BATCHES}
atexit.register(lambda: print(threading.active_count()))
source = batches(lambda rng: {'number': torch.tensor(rng.random())}, 1, 3, Processes(0, 1, 'cpu'))
print([round(float(next(source)['number']), 4) for _ in range(5)])
later = batches(lambda rng: {'number': torch.tensor(rng.random())}, 1, 5, Processes(0, 1, 'cpu'))
print([round(float(next(later)['number']), 4) for _ in range(3)])
`;

const BROKEN = `${BATCHES}
def make(rng):
    raise ValueError('no such crop')
next(batches(make, 1, 0, Processes(0, 1, 'cpu')))
`;

describeNeeds('torch')('batches of a training', () => {
  it('are the same wherever one goes on, and leave no thread when Python ends', async () => {
    const [whole, rest, threads] = (await python('-c', COUNTED)).stdout.trim().split('\n');
    expect(JSON.parse(rest)).toEqual(JSON.parse(whole).slice(2));
    expect(threads).toBe('1');
  });

  it('that cannot be made end the training with the reason', async () => {
    const { status, stderr } = await runInTraining(pythonPath, ['-c', BROKEN]);
    expect([status, stderr.trim().split('\n').at(-1)]).toEqual([1, 'ValueError: no such crop']);
  });
});
