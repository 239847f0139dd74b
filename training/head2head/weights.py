"""Where the weights of a pack lie in its graphs; the format is `portrait.weights`', the embedder's batch norms are
folded."""
import json

import numpy as np
import torch

from portrait.weights import FILE, TYPES, places

from .inception import folded
from .networks import Head2Head, Shape


def write_weights(pack, model, graphs):
    """Writes the file for `graphs`, by network, which lie in `pack` as `NETWORK.onnx`."""
    parameters = dict(model.named_parameters())
    networks = {name: places(graph, (pack / f'{name}.onnx').read_bytes(), parameters)
                for name, graph in graphs.items()}
    missing = set(parameters) - {name for network in networks.values() for name in network}
    if missing:
        raise SystemExit(f'{pack}: the graphs lack {", ".join(sorted(missing))}')
    (pack / FILE).write_text(json.dumps({'shape': vars(model.shape), 'networks': networks}) + '\n')


@torch.no_grad()
def read_weights(pack):
    """The model of a pack, its batch norms folded, and where its weights lie."""
    manifest = json.loads((pack / 'manifest.json').read_text())
    content = json.loads((pack / FILE).read_text())
    model = Head2Head(Shape(**content['shape'])).eval()
    folded(model.embedder)
    parameters = dict(model.named_parameters())
    for network, found in content['networks'].items():
        data = (pack / manifest['networks'][network]).read_bytes()
        for name, (start, count, size) in found.items():
            array = np.frombuffer(data, TYPES[size], count, start).astype('f4')
            parameters[name].copy_(torch.from_numpy(array).reshape(parameters[name].shape))
    return model, content['networks']
