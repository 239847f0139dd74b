"""Where the weights of a pack lie in its graphs: written by the exports, so that a pack can be trained on and a personal
one be applied (spec/bitstream.md, "Weights") without anything that reads ONNX.

`weights.json`: `shape`, the settings of the family's `Shape`, and `networks`: of each network, by the parameter's
name, its offset in the file, its number of elements and its bytes an element (2: binary16,
4: binary32; little-endian).
"""
import json

import numpy as np
import torch

FILE = 'weights.json'
TYPES = {2: '<f2', 4: '<f4'}


def places_of(graph, data, parameters):
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


def find(pack, graphs, parameters):
    """Where `parameters` (by name) lie in `graphs`, by network, which are in `pack` as `NETWORK.onnx`."""
    return {name: places_of(graph, (pack / f'{name}.onnx').read_bytes(), parameters) for name, graph in graphs.items()}


def write_places(pack, shape, parameters, networks):
    """Writes the file; a parameter that lies nowhere ends the program."""
    missing = set(parameters) - {name for network in networks.values() for name in network}
    if missing:
        raise SystemExit(f'{pack}: the graphs lack {", ".join(sorted(missing))}')
    (pack / FILE).write_text(json.dumps({'shape': vars(shape), 'networks': networks}) + '\n')


def write_weights(pack, model, graphs):
    """Writes the file of a model whose `shape` is its settings; `graphs` as of `find`."""
    parameters = model.state_dict()
    write_places(pack, model.shape, parameters, find(pack, graphs, parameters))


def read_stored(pack):
    """Of a pack's file the settings (a dictionary) and `networks`; and its weights by name, flat tensors of float32."""
    manifest = json.loads((pack / 'manifest.json').read_text())
    content = json.loads((pack / FILE).read_text())
    weights = {}
    for network, found in content['networks'].items():
        data = (pack / manifest['networks'][network]).read_bytes()
        for name, (start, count, size) in found.items():
            weights[name] = torch.from_numpy(np.frombuffer(data, TYPES[size], count, start).astype('f4'))
    return content['shape'], content['networks'], weights


def load_trained(path, network, shape):
    """A network, built by the class `network` of the settings of the class `shape`, with the weights of a run's
    weights.pt, ready to be evaluated; and the whole file."""
    state = torch.load(path, map_location='cpu')
    model = network(shape(**state['shape']))
    model.load_state_dict(state['weights'])
    return model.eval(), state
