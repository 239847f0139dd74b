"""Makes a pack of trained weights: `python3 -m fsrt.export WEIGHTS PACK --name NAME [--motion SEQUENCES.npz]`.

Writes the graphs of `graphs.py` (float16 weights, float32 arithmetic), checks each against PyTorch in
onnxruntime-node with one source and with three, and writes the motion codec's files: from `--motion`, sequences of
motion as `fsrt.motion` writes them, or guessed without. Seal the pack with tools/seal-pack.ts.
"""
import hashlib
import json
from pathlib import Path

import numpy as np

from common.onnx_export import check, halve_weights, round_weights, write
from common.pack import pack_parser, write_manifest
from common.weights import load_trained

from .graphs import examples, graph
from .model import Fsrt
from .shape import Shape
from .vector import KEYPOINT_STEP, counted, guessed_counts, statistics, write_tables, write_vector

GUESSED_STEP = 0.3


def load(path):
    """The model of a weights.pt file of a run."""
    return load_trained(path, Fsrt, Shape)[0]


def write_graphs(model, pack, checked=(1, 3)):
    """The pack's networks; the model's weights are rounded to what the files hold."""
    round_weights(model)
    for name, example in examples(model).items():
        made = graph(example)
        halve_weights(made)
        write(made, pack / f'{name}.onnx')
    for sources in checked:
        for name, example in examples(model, sources, pixels=48 * sources, seed=sources).items():
            module, inputs, outputs, _ = example
            check(pack / f'{name}.onnx', module, inputs, outputs)


def write_motion(shape, pack, sequences=None):
    """`vector.bin` and `tables.bin`; `sequences`: frames x values each, or None to guess."""
    poses = 2 * shape.keypoints
    count = poses + shape.expression
    if sequences:
        rest, steps = statistics(sequences, poses)
        write_tables(pack / 'tables.bin', *counted(sequences, rest, steps))
    else:
        rest = np.zeros(count)
        steps = np.where(np.arange(count) < poses, KEYPOINT_STEP, GUESSED_STEP)
        write_tables(pack / 'tables.bin', *guessed_counts(count))
    write_vector(pack / 'vector.bin', shape.size, poses, rest, steps)


def seal(pack):
    """Length and SHA-256 of every file into the manifest, as tools/seal-pack.ts."""
    path = pack / 'manifest.json'
    manifest = json.loads(path.read_text())
    for file in sorted(pack.iterdir()):
        if file != path and file.suffix != '.md':
            content = file.read_bytes()
            manifest['files'][file.name] = {'bytes': len(content), 'sha256': hashlib.sha256(content).hexdigest()}
    path.write_text(json.dumps(manifest, indent=2) + '\n')


def write_pack(model, pack, sequences=None, checked=(1, 3), **words):
    """All files of a pack, unsealed; `words` as of `common.pack.write_manifest`."""
    pack.mkdir(parents=True, exist_ok=True)
    write_graphs(model, pack, checked)
    write_motion(model.shape, pack, sequences)
    write_manifest(pack, 'fsrt', examples(model, 1, 1), {'vector': 'vector.bin', 'tables': 'tables.bin'}, **words)


def main():
    parser = pack_parser(__doc__)
    parser.add_argument('--licence', default='MIT')
    parser.add_argument('--motion', type=Path)
    arguments = parser.parse_args()
    sequences = list(np.load(arguments.motion).values()) if arguments.motion else None
    write_pack(load(arguments.weights), arguments.pack, sequences, name=arguments.name, version=arguments.version,
               licence=arguments.licence, data=arguments.data)


if __name__ == '__main__':
    main()
