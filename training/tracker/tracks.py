#!/usr/bin/env python3
"""Tracks clips and stills with your own copy of MediaPipe FaceLandmarker: what training learns from.

    /usr/bin/python3 -m tracker.tracks DATA face_landmarker.task TRACKS       (run in training/)

DATA has `splits.json` (README.md) and pictures in `stills/`; TRACKS gets `FILE.npz` for each that has
none yet: `landmarks` (n, 478, 3) int16 (int32 beyond 2047 pixels) in sixteenths of a pixel, `frame`
(n) int32, the frames with a face. A still whose name ends in `_RxC` is a mosaic of R rows of C
pictures; `frame` counts them, and landmarks are in pixels of their picture.
"""
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from common.run import progress

from .points import POINTS
from .still import read_still, tiles

REPOSITORY = Path(__file__).parents[2]
PICTURES = ('.jpg', '.jpeg', '.png')


class Landmarker:
    """FaceLandmarker in Node: picture by picture, no memory."""

    def __init__(self, task):
        script = Path(__file__).parent / 'landmarks.ts'
        self.node = subprocess.Popen(['npx', 'tsx', script, Path(task).resolve()], cwd=REPOSITORY,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def points(self, picture):
        """(478, 3) points of an RGB picture, NaN where there is no face."""
        height, width = picture.shape[:2]
        self.node.stdin.write(np.array([width, height], '<u4').tobytes())
        self.node.stdin.write(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA).tobytes())
        self.node.stdin.flush()
        data = self.node.stdout.read(POINTS * 12)
        if len(data) < POINTS * 12:
            sys.exit('FaceLandmarker ended: see above')
        return np.frombuffer(data, '<f4').reshape(POINTS, 3)


def save(path, points):
    points = np.array(points).reshape(-1, POINTS, 3)
    frame = np.flatnonzero(~np.isnan(points[:, 0, 0])).astype(np.int32)
    path.parent.mkdir(parents=True, exist_ok=True)
    landmarks = np.round(points[frame] * 16).astype(np.int32)
    narrow = np.abs(landmarks).max(initial=0) < 2**15
    np.savez(path, frame=frame, landmarks=landmarks.astype(np.int16) if narrow else landmarks)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    from .cache import frames_of

    data, task, tracks = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    clips = sum(json.loads((data / 'splits.json').read_text()).values(), [])
    stills = sorted(p.relative_to(data) for p in (data / 'stills').rglob('*') if p.suffix in PICTURES)
    jobs = [clip for clip in clips if not (tracks / f'{clip["file"]}.npz').exists()]
    jobs += [still for still in stills if not (tracks / f'{still}.npz').exists()]
    landmarker = Landmarker(task)
    for job in progress(jobs, len(jobs), 'clips and stills'):
        if isinstance(job, dict):
            frames = frames_of(data / job['file'], job['width'], job['height'], range(job['frames']))
            save(tracks / f'{job["file"]}.npz', [landmarker.points(picture) for _, picture in frames])
        else:
            parts = tiles(read_still(data / job), job)
            save(tracks / f'{job}.npz', [landmarker.points(part) for part in parts])


if __name__ == '__main__':
    main()
