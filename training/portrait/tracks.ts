import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataRoot } from '../../bench/data.js';
import type { Landmarks } from '../../src/geometry/landmarks.js';
import { readTrack } from './samples.js';

/** Landmarks of a file of the data folder, in pixels by frame; undefined where it was not tracked. */
export type TrackOf = (file: string) => ReadonlyMap<number, Landmarks> | undefined;

/** Looks in the data's own tracks first, then in `more`: a folder that `tracker/tracks.py` wrote. */
export function openTracks(more?: string): TrackOf {
  const folders = [join(dataRoot(), 'tracks'), ...(more === undefined ? [] : [more])];
  return (file) => {
    const path = folders.map((folder) => join(folder, `${file}.npz`)).find(existsSync);
    return path === undefined ? undefined : readTrack(path);
  };
}
