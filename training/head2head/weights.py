"""Where the weights of a pack lie in its graphs (`common/weights.py`); the embedder's batch norms are folded."""
import torch

from common.weights import find, read_stored, write_places

from .discriminators import Discriminators
from .inception import folded
from .networks import Head2Head, Shape

JUDGE = 'discriminator.pt'
PEOPLE = 'image.people.weight'


def write_weights(pack, model, graphs):
    """Writes the file for `graphs`, by network."""
    parameters = dict(model.named_parameters())
    networks = find(pack, graphs, parameters)
    found = {name for network in networks.values() for name in network}
    # The exporter keeps one of several tensors that are the same, as biases of a new network are. They may share a place
    # where nobody changes them.
    for name in [name for name in parameters if name not in found and name.startswith('embedder.')]:
        same = next((other for other in networks['embedder'] if torch.equal(parameters[other], parameters[name])), None)
        if same:
            networks['embedder'][name] = networks['embedder'][same]
    write_places(pack, model.shape, parameters, networks)


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
    # Tensors and plain values alone: a pack may be anybody's.
    state = torch.load(pack / JUDGE, map_location='cpu', weights_only=True)
    judges = Discriminators(1, shape, state['width'])
    judges.load_state_dict({**state['weights'], PEOPLE: h.detach().clone()})
    return judges


@torch.no_grad()
def read_weights(pack):
    """The model of a pack, its batch norms folded, and where its weights lie."""
    settings, networks, weights = read_stored(pack)
    model = Head2Head(Shape(**settings)).eval()
    folded(model.embedder)
    parameters = dict(model.named_parameters())
    for name, value in weights.items():
        parameters[name].copy_(value.reshape(parameters[name].shape))
    return model, networks
