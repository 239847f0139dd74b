"""Where the weights of a pack lie in its graphs: written by the export, so that a pack can be trained
on and a personal one be applied (spec/bitstream.md, "Weights") without anything that reads ONNX.

`weights.json`: `shape`, the settings of `Shape`, and `networks`: of each network, by the parameter's
name, its offset in the file, its number of elements and its bytes an element (2: binary16,
4: binary32; little-endian).
"""
import json

import numpy as np
import torch

from .model import Portrait, Shape

FILE = 'weights.json'
TYPES = {2: '<f2', 4: '<f4'}


def places(graph, data, parameters):
    """Where the bytes of `parameters` (by name) lie in `data`, the file of an ONNX model."""
    found = {}
    for tensor in graph.graph.initializer:
        name = tensor.name.removeprefix('model.').removesuffix('_f16')
        if name not in parameters:
            continue
        # The raw bytes are the last field of a tensor that has any.
        whole = tensor.SerializeToString(deterministic=True)
        start = data.index(whole) + len(whole) - len(tensor.raw_data)
        count = parameters[name].numel()
        assert data[start:start + len(tensor.raw_data)] == tensor.raw_data
        found[name] = [start, count, len(tensor.raw_data) // count]
    return found


def write_weights(pack, model, graphs):
    """Writes the file for `graphs`, by network, which lie in `pack` as `NETWORK.onnx`."""
    parameters = model.state_dict()
    networks = {name: places(graph, (pack / f'{name}.onnx').read_bytes(), parameters)
                for name, graph in graphs.items()}
    missing = set(parameters) - {name for network in networks.values() for name in network}
    if missing:
        raise SystemExit(f'{pack}: the graphs lack {", ".join(sorted(missing))}')
    (pack / FILE).write_text(json.dumps({'shape': vars(model.shape), 'networks': networks}) + '\n')


def read_weights(pack):
    """The model of a pack, and where its weights lie."""
    manifest = json.loads((pack / 'manifest.json').read_text())
    content = json.loads((pack / FILE).read_text())
    model = Portrait(Shape(**content['shape']))
    parameters = model.state_dict()
    for network, found in content['networks'].items():
        data = (pack / manifest['networks'][network]).read_bytes()
        for name, (start, count, size) in found.items():
            array = np.frombuffer(data, TYPES[size], count, start).astype('f4')
            parameters[name].copy_(torch.from_numpy(array).reshape(parameters[name].shape))
    return model, content['networks']
