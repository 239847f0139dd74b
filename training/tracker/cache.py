#!/usr/bin/env python3
"""Cuts the faces out of clips and stills once, for training and for measuring.

    /usr/bin/python3 -m tracker.cache DATA CACHE [TRACKS]            (run in training/)

DATA is a folder of clips and stills with `splits.json` and the tracks of MediaPipe FaceLandmarker
(`tracks/FILE.npz`, see README.md); TRACKS is a folder of further tracks. CACHE gets `crops.u8` (n × 288 × 288 × 3, RGB), `crops.npz`
(points in crop pixels, person, whether there is a face) and `people.json`. Deterministic.
"""
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from common.run import progress

from .points import MESH, POINTS, LEFT_EYE, RIGHT_EYE, upright
from .still import read_still, tiles
from .turn import mix, turn

SIDE = 288
MARGIN = 2.25  # side of a crop over the face's extent; the network's own crop has 1.5
MOST_OF_A_PERSON = 500  # frames: no long clip may own the training
TURNED_OF_A_CLIP = 120
TURNS_OF_A_STILL = 10
MOST_YAW, MOST_PITCH = np.radians(40), np.radians(20)
BACKGROUNDS_OF_A_CLIP = 24
MIXED_PEOPLE = 1300
CANDIDATES = 200  # faces among which the one that looks and speaks most alike is mixed in
# Pairs of points whose distance tells of blinks, gaze, the open jaw and smiles, which are rare and
# matter; a change of RARE_AT inter-ocular distances is rare indeed.
RARE_GAPS = [(159, 145), (386, 374), (468, 33), (473, 263), (13, 14), (61, 291)]
RARE_AT = 0.15


def frames_of(path, width, height, wanted):
    """(index, RGB picture) of the frames with an index in the set `wanted`, in order."""
    command = ['ffmpeg', '-v', 'fatal', '-i', str(path), '-fps_mode', 'passthrough', '-f', 'rawvideo',
               '-pix_fmt', 'rgb24', '-threads', '1', '-']
    with subprocess.Popen(command, stdout=subprocess.PIPE) as ffmpeg:
        for index in range(max(wanted) + 1):
            data = ffmpeg.stdout.read(width * height * 3)
            if len(data) < width * height * 3:
                break
            if index in wanted:
                yield index, np.frombuffer(data, np.uint8).reshape(height, width, 3)
        ffmpeg.kill()


def square_of(points):
    """Centre (x, y), extent in pixels and angle of the upright square around a face's points."""
    eyes = points[LEFT_EYE, :2] - points[RIGHT_EYE, :2]
    angle = np.arctan2(eyes[1], eyes[0])
    cos, sin = np.cos(angle), np.sin(angle)
    turned = points[:MESH, :2] @ np.array([[cos, -sin], [sin, cos]])
    low, high = turned.min(0), turned.max(0)
    u, v = (low + high) / 2
    return np.array([cos * u - sin * v, sin * u + cos * v]), (high - low).max(), angle


def cut(picture, centre, size, angle, points=None):
    """The square of a picture as SIDE × SIDE pixels, and points in its pixels."""
    step = size / SIDE
    if step > 1.5:  # against aliasing
        picture = cv2.resize(picture, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
        centre, size = centre / step, size / step
        points = None if points is None else points / step
    scale = SIDE / size
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    matrix = np.array([[cos, sin, 0], [-sin, cos, 0]])
    matrix[:, 2] = SIDE / 2 - matrix[:, :2] @ centre
    pixels = matrix.copy()  # pixel centres lie at half integers, in OpenCV at integers
    pixels[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    crop = cv2.warpAffine(picture, pixels, (SIDE, SIDE), flags=cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)
    if points is None:
        return crop, np.full((POINTS, 3), np.nan)
    moved = points * scale
    moved[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return crop, moved


class Writer:
    """Appends crops to the cache."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = (folder / 'crops.u8').open('wb')
        self.rows = []

    def add(self, crop, points, person, turned=False):
        self.file.write(np.ascontiguousarray(crop).tobytes())
        self.rows.append((points.astype(np.float32), person, not np.isnan(points[0, 0]), turned))

    def close(self):
        self.file.close()
        points, person, face, turned = map(np.array, zip(*self.rows))
        names = sorted(set(person))
        np.savez(self.folder / 'crops.npz', points=points, face=face, turned=turned,
                 person=np.array([names.index(p) for p in person]))
        (self.folder / 'people.json').write_text(json.dumps(names, indent=1) + '\n')
        print(f'{len(points)} crops of {len(names)} people, {int((~face).sum())} without a face')


def expression(points):
    """(n, 12): lids, gaze and lips of (n, 478, 3) faces, in inter-ocular distances."""
    xy = upright(points)[..., :2]
    return np.concatenate([xy[:, a] - xy[:, b] for a, b in RARE_GAPS], 1)


def rarity(points):
    """How far the expressions of (n, 478, 3) faces are from the most frequent one, 0–1."""
    gaps = expression(points)
    return np.clip(np.abs(gaps - np.median(gaps, 0)).max(1) / RARE_AT, 0, 1)


def chosen_frames(tracks, rng):
    """Per clip of one person the indices into its track that are kept: rare expressions first."""
    scores = []
    for clip, track in enumerate(tracks):
        rare = rarity(track['landmarks'] / 16)
        key = rng.random(len(rare)) ** (1 / (0.3 + rare))
        scores += [(k, clip, i) for i, k in enumerate(key)]
    kept = sorted(scores, reverse=True)[:MOST_OF_A_PERSON]
    return [sorted(i for _, c, i in kept if c == clip) for clip in range(len(tracks))]


def background(picture, square, rng):
    """A square of the picture that holds next to nothing of the face."""
    height, width = picture.shape[:2]
    for _ in range(20):
        size = rng.uniform(0.15, 0.8) * min(width, height)
        centre = np.array([rng.uniform(0, width), rng.uniform(0, height)])
        if square is None or np.abs(centre - square[0]).max() > (size / MARGIN * 1.5 + square[1]) / 2:
            return cut(picture, centre, size, rng.uniform(-0.3, 0.3))
    return None


def add_clips(data, writer, rng):
    splits = json.loads((data / 'splits.json').read_text())
    people = {}
    for clip in splits['train'] + splits['hard']:
        path = data / 'tracks' / f'{clip["file"]}.npz'
        track = dict(np.load(path)) if path.exists() else None
        if track is not None and len(track['frame']):
            people.setdefault(clip['identity'] or clip['file'], []).append((clip, track))
    for person, clips in progress(sorted(people.items()), len(people), 'people in clips'):
        chosen = chosen_frames([track for _, track in clips], rng)
        share = TURNED_OF_A_CLIP / max(sum(map(len, chosen)), TURNED_OF_A_CLIP)
        for (clip, track), kept in zip(clips, chosen):
            rows = {int(track['frame'][i]): i for i in kept}
            if not rows:
                continue
            empty = rng.choice(list(rows), min(len(rows), BACKGROUNDS_OF_A_CLIP), replace=False)
            for index, picture in frames_of(data / clip['file'], clip['width'], clip['height'], set(rows)):
                points = track['landmarks'][rows[index]] / 16
                centre, extent, angle = square_of(points)
                crop, moved = cut(picture, centre, extent * MARGIN, angle, points)
                writer.add(crop, moved, person)
                if rng.random() < share:
                    yaw, pitch = rng.uniform(-1, 1, 2) * [MOST_YAW, MOST_PITCH]
                    writer.add(*turn(crop, moved, yaw, pitch), person, True)
                if index in empty:
                    found = background(picture, (centre, extent), rng)
                    if found:
                        writer.add(*found, 'background')
    for clip in splits['negative']:
        wanted = set(range(0, clip['frames'], 3))
        for _, picture in frames_of(data / clip['file'], clip['width'], clip['height'], wanted):
            writer.add(*background(picture, None, rng), 'background')


def person_of_still(path):
    """Neutral and smiling pictures of one person have the same number."""
    group = 'london' if 'london' in path.parent.name else path.parent.name
    return group if group == 'lisa' else f'{group}/{path.stem.split("_0")[0]}'


def add_stills(data, folders, writer, rng):
    tracks = [(path, folder) for folder in folders for path in sorted((folder / 'stills').rglob('*.npz'))]
    for path, folder in progress(tracks, len(tracks), 'stills'):
        still = data / path.relative_to(folder).with_suffix('')
        parts = tiles(read_still(still), still)
        track = np.load(path)
        for frame, row in zip(track['frame'], track['landmarks']):
            picture, points = parts[frame], row / 16
            centre, extent, angle = square_of(points)
            crop, moved = cut(picture, centre, extent * MARGIN, angle, points)
            person = person_of_still(still) + (f'/{frame}' if len(parts) > 1 else '')
            writer.add(crop, moved, person)
            for _ in range(TURNS_OF_A_STILL):
                yaw, pitch = rng.uniform(-1, 1, 2) * [MOST_YAW, MOST_PITCH]
                writer.add(*turn(crop, moved, yaw, pitch), person, True)


def add_mixed(writer, rng):
    """Faces between those of two people with much the same expression: people that nobody is."""
    points, person, face, turned = map(np.array, zip(*writer.rows))
    writer.file.flush()
    crops = np.memmap(writer.folder / 'crops.u8', np.uint8, 'r', shape=(len(points), SIDE, SIDE, 3))
    usable = np.flatnonzero(face & ~turned)
    gaps = np.zeros((len(points), 2 * len(RARE_GAPS)))
    gaps[usable] = expression(points[usable])
    people = sorted(set(person[usable]))

    def draw():
        return rng.choice(np.flatnonzero((person == rng.choice(people)) & face & ~turned))

    count = min(MIXED_PEOPLE, len(usable))
    for number in progress(range(count), count, 'mixed people'):
        one = draw()
        others = np.array([i for i in (draw() for _ in range(CANDIDATES)) if person[i] != person[one]])
        if len(others):
            other = others[np.abs(gaps[others] - gaps[one]).max(1).argmin()]
            made = mix(crops[one], points[one], crops[other], points[other], rng.uniform(0.3, 0.7))
            if number % 2:
                made = turn(*made, *rng.uniform(-1, 1, 2) * [MOST_YAW, MOST_PITCH])
            writer.add(*made, f'{person[one]}+{person[other]}', number % 2 == 1)


def make(data, tracks, folder):
    """Writes the cache of a data folder; `tracks` are the folders that its stills' tracks lie in."""
    rng = np.random.default_rng(1)
    cv2.setNumThreads(1)
    writer = Writer(folder)
    add_stills(data, tracks, writer, rng)
    add_clips(data, writer, rng)
    add_mixed(writer, rng)
    writer.close()


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    data, folder, *more = map(Path, sys.argv[1:])
    make(data, [data / 'tracks', *more], folder)


if __name__ == '__main__':
    main()
