#!/usr/bin/env python3
"""Writes a tracker pack from a run's checkpoint, and compares it with PyTorch.

    /usr/bin/python3 -m tracker.export RUN GRAPHS PACK      (run in training/)

PACK gets `tracker.onnx`, `manifest.json`, and `blazeface.onnx` and `iris.onnx` from the folder GRAPHS
(training/convert_facemesh.py, or an earlier pack). Ends with an error where
the graph in onnxruntime-node differs from PyTorch by more than the tolerance.
"""
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import torch

from common.onnx_export import (export, halve_weights, replace_prelu, round_weights, run_in_node,
                                write)

from .network import SIDE, Tracker
from .points import MESH, MIRROR

OPSET = 16  # the first with GridSample
TOLERANCE = 0.01  # input pixels, 0.02 % of the inter-ocular distance


class Graph(torch.nn.Module):
    """The network as the pack has it: one NHWC picture in, points and presence (0–1) out.

    The coarse points are the mean of what the picture and its mirror image say; lids and lips are the
    mean of those and of the refined ones. Opinions that err independently: 10 % less error together.
    """

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        image = image.permute(0, 3, 1, 2)
        coarse, presence, features = self.network.coarse(torch.cat([image, image.flip(3)]))
        mirrored = coarse[1:, torch.tensor(MIRROR)] * torch.tensor([-1.0, 1, 1]) + torch.tensor([SIDE, 0.0, 0])
        coarse = (coarse[:1] + mirrored) / 2
        fine = self.network.refine(image, features[:1], coarse)
        points = torch.cat([(coarse + fine)[:, :MESH] / 2, fine[:, MESH:]], 1)
        return points, presence.mean(0, keepdim=True).sigmoid()


def compare(graph, path):
    """Largest differences of points (input pixels) and presence between PyTorch and the file."""
    rng = np.random.default_rng(0)
    worst = np.zeros(2)
    for _ in range(4):
        coarse = rng.random((1, 12, 12, 3), dtype=np.float32)
        image = np.kron(coarse, np.ones((1, SIDE // 12, SIDE // 12, 1), np.float32))
        with torch.no_grad():
            ours = [o.numpy() for o in graph(torch.tensor(image))]
        theirs = run_in_node(path, {'image': image})
        worst = np.maximum(worst, [np.abs(o - theirs[n]).max() for o, n in zip(ours, ('points', 'presence'))])
    return worst


def make(run, graphs, pack):
    """Writes the pack of the checkpoint in the folder `run`."""
    network = Tracker()
    state = torch.load(run / 'checkpoint.pt', map_location='cpu', weights_only=False)
    network.load_state_dict(state['average'])
    round_weights(network)
    graph = Graph(network).eval()
    model = export(graph, {'image': torch.zeros(1, SIDE, SIDE, 3)}, ['points', 'presence'], OPSET)
    halve_weights(model)
    replace_prelu(model)
    pack.mkdir(parents=True, exist_ok=True)
    hashes = {'tracker.onnx': write(model, pack / 'tracker.onnx')}
    points, presence = compare(graph, pack / 'tracker.onnx')
    print(f'largest difference from PyTorch: points {points:.4f} of {SIDE}, presence {presence:.5f}')
    if points > TOLERANCE or presence > 0.01:
        sys.exit('the graph does not compute what the network does')
    iris = onnx.load(str(graphs / 'iris.onnx'))
    replace_prelu(iris)
    hashes['iris.onnx'] = write(iris, pack / 'iris.onnx')
    detector = (graphs / 'blazeface.onnx').read_bytes()
    (pack / 'blazeface.onnx').write_bytes(detector)
    hashes['blazeface.onnx'] = hashlib.sha256(detector).hexdigest()
    manifest = {'name': 'tracker', 'kind': 'distilled', 'license': 'Apache-2.0', 'sha256': hashes}
    (pack / 'manifest.json').write_text(json.dumps(manifest, indent=2) + '\n')


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    make(*map(Path, sys.argv[1:]))


if __name__ == '__main__':
    main()
