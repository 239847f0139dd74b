"""Where the weights of a pack lie in its graphs; the format is `portrait.weights`', the embedder's batch norms are
folded."""
import json

import numpy as np
import torch

from portrait.weights import FILE, TYPES, places

from .discriminators import Discriminators
from .inception import folded
from .networks import Head2Head, Shape

JUDGE = 'discriminator.pt'
PEOPLE = 'image.people.weight'


def write_weights(pack, model, graphs):
    """Writes the file for `graphs`, by network, which lie in `pack` as `NETWORK.onnx`."""
    parameters = dict(model.named_parameters())
    networks = {name: places(graph, (pack / f'{name}.onnx').read_bytes(), parameters)
                for name, graph in graphs.items()}
    found = {name for network in networks.values() for name in network}
    # The exporter keeps one of several tensors that are the same, as biases of a new network are. They may share a place
    # where nobody changes them.
    for name in [name for name in parameters if name not in found and name.startswith('embedder.')]:
        same = next((other for other in networks['embedder'] if torch.equal(parameters[other], parameters[name])), None)
        if same:
            networks['embedder'][name] = networks['embedder'][same]
            found.add(name)
    missing = set(parameters) - found
    if missing:
        raise SystemExit(f'{pack}: the graphs lack {", ".join(sorted(missing))}')
    (pack / FILE).write_text(json.dumps({'shape': vars(model.shape), 'networks': networks}) + '\n')


def write_judges(pack, state):
    """Puts the discriminators of a run's checkpoint beside a pack: fine-tuning goes on with them."""
    width = state['judges']['image.patches.layers.0.weight'].shape[0]
    torch.save({'width': width, 'weights': {name: value for name, value in state['judges'].items()
                                            if name != PEOPLE}}, pack / JUDGE)


def read_judges(pack, shape, h):
    """The discriminators beside a pack, for one person whose embedding is `h` (1 x n_f; section 3.4); None where
    there are none."""
    if not (pack / JUDGE).exists():
        return None
    state = torch.load(pack / JUDGE, map_location='cpu')
    judges = Discriminators(1, shape, state['width'])
    judges.load_state_dict({**state['weights'], PEOPLE: h.detach().clone()})
    return judges


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
