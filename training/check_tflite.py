#!/usr/bin/env python3
"""Run MediaPipe's TFLite graphs in PyTorch: numbers that the ONNX conversion is checked against.

    unzip face_landmarker.task -d FOLDER
    /usr/bin/python3 training/check_tflite.py FOLDER/face_landmarks_detector.tflite
    /usr/bin/python3 training/check_tflite.py GRAPH.tflite --input IN.f32 --out FOLDER

Reads the file by itself and computes in float64, sharing nothing with src/models/import. The input is
the test picture of src/sender/trackers/task-check.ts, or the float32 numbers in a file (N H W C). Prints of
every output its dims, mean, and ten elements spread over it; `--out` writes each output as float32.
"""

import argparse
import struct
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

TYPES = {0: np.float32, 1: np.float16, 2: np.int32}


class Table:
    """A FlatBuffers table."""

    def __init__(self, data, start):
        self.data, self.start = data, start
        self.vtable = start - struct.unpack_from("<i", data, start)[0]

    def place(self, field):
        size = struct.unpack_from("<H", self.data, self.vtable)[0]
        slot = 4 + 2 * field
        offset = struct.unpack_from("<H", self.data, self.vtable + slot)[0] if slot < size else 0
        return self.start + offset if offset else None

    def scalar(self, field, code, absent=0):
        at = self.place(field)
        return absent if at is None else struct.unpack_from("<" + code, self.data, at)[0]

    def vector(self, field):
        at = self.place(field)
        if at is None:
            return 0, 0
        at += struct.unpack_from("<I", self.data, at)[0]
        return at + 4, struct.unpack_from("<I", self.data, at)[0]

    def numbers(self, field):
        at, count = self.vector(field)
        return list(struct.unpack_from(f"<{count}i", self.data, at))

    def raw(self, field):
        at, count = self.vector(field)
        return self.data[at : at + count]

    def table(self, field):
        at = self.place(field)
        return Table(self.data, at + struct.unpack_from("<I", self.data, at)[0])

    def tables(self, field):
        at, count = self.vector(field)
        places = range(at, at + 4 * count, 4)
        return [Table(self.data, p + struct.unpack_from("<I", self.data, p)[0]) for p in places]


def test_picture(side, low, high):
    """The test picture, N H W C: slow waves in every channel, of whole numbers only."""
    y, x, c = np.meshgrid(np.arange(side), np.arange(side), np.arange(3), indexing="ij")
    wave = (x * (c + 2) + y * (5 - c) + (x * y) // (24 + 8 * c)) % 256
    level = np.where(wave < 128, wave, 255 - wave) * 2
    return (low + (high - low) * level / 255)[None].astype(np.float32)


def same_padding(x, kernel, stride, fill):
    """Pads N C H W as TensorFlow's SAME does."""
    pads = []
    for size, k, s in zip(x.shape[2:], kernel, stride):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        pads = [total // 2, total - total // 2, *pads]
    return F.pad(x, pads, value=fill)


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def run(path, image):
    data = path.read_bytes()
    model = Table(data, struct.unpack_from("<I", data, 0)[0])
    codes = [max(c.scalar(0, "b"), c.scalar(3, "i")) for c in model.tables(1)]
    graph, buffers = model.tables(2)[0], model.tables(4)
    specs = graph.tables(0)
    values = {}
    for i, spec in enumerate(specs):
        raw = buffers[spec.scalar(2, "I")].raw(0)
        if raw:
            array = np.frombuffer(raw, TYPES[spec.scalar(1, "b")]).reshape(spec.numbers(0))
            values[i] = torch.from_numpy(array.astype(np.int64 if array.dtype == np.int32 else np.float64))
    values[graph.numbers(1)[0]] = torch.from_numpy(image.astype(np.float64))

    for op in graph.tables(3):
        code = codes[op.scalar(0, "I")]
        x, *rest = [values[i] for i in op.numbers(1)]
        shape = specs[op.numbers(2)[0]].numbers(0)
        o = op.table(4) if op.place(4) else None
        if code == 0:
            y = x + rest[0]
        elif code == 2:
            y = torch.cat([x, *rest], o.scalar(0, "i"))
        elif code in (3, 4):
            w = rest[0].permute(0, 3, 1, 2) if code == 3 else rest[0].permute(3, 0, 1, 2)
            stride = [o.scalar(2, "i", 1), o.scalar(1, "i", 1)]
            x = nchw(x)
            if o.scalar(0, "b") == 0:
                x = same_padding(x, w.shape[2:], stride, 0)
            y = nhwc(F.conv2d(x, w, rest[1], stride, groups=1 if code == 3 else x.shape[1]))
        elif code == 6:
            y = x
        elif code == 14:
            y = torch.sigmoid(x)
        elif code == 17:
            stride, kernel = [o.scalar(2, "i", 1), o.scalar(1, "i", 1)], [o.scalar(4, "i"), o.scalar(3, "i")]
            x = nchw(x)
            if o.scalar(0, "b") == 0:
                x = same_padding(x, kernel, stride, float("-inf"))
            y = nhwc(F.max_pool2d(x, kernel, stride))
        elif code == 19:
            y = F.relu(x)
        elif code == 22:
            y = x.reshape(shape)
        elif code == 34:
            y = F.pad(x, rest[0].flip(0).reshape(-1).tolist())
        elif code == 54:
            y = torch.where(x > 0, x, x * rest[0])
        else:
            raise SystemExit(f"unknown operator {code}")
        assert list(y.shape) == shape, (code, y.shape, shape)
        values[op.numbers(2)[0]] = y
    return {specs[i].raw(3).decode(): values[i].numpy() for i in graph.numbers(2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("graph", type=Path)
    parser.add_argument("--input", type=Path)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    detector = "detector.tflite" in args.graph.name and "landmarks" not in args.graph.name
    side, low = (128, -1) if detector else (256, 0)
    image = test_picture(side, low, 1)
    if args.input:
        image = np.fromfile(args.input, np.float32).reshape(image.shape)
    for name, value in run(args.graph, image).items():
        flat = value.reshape(-1)
        picks = flat[np.linspace(0, len(flat) - 1, min(10, len(flat))).astype(int)]
        print(name, list(value.shape), f"mean {flat.mean():.5f}", [round(float(v), 4) for v in picks])
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            value.astype(np.float32).tofile(args.out / f"{name}.f32")


if __name__ == "__main__":
    main()
