"""From a PyTorch module to an ONNX graph in a pack, and the proof that both compute the same."""
import base64
import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

RUNNER = Path(__file__).parent / 'run_onnx.mjs'
SMALL = 64  # weights of fewer elements stay float32
# Graph and module compute with the same rounded weights, so only the order of additions differs.
TOLERANCE = 1e-3  # of an output's largest value, or of 1 where that is less


def export(module, inputs, output_names, opset, dynamic_axes=None):
    """The ONNX model of a module; `inputs` is a dictionary of example tensors, in its order.

    `dynamic_axes`: names of axes that may have other lengths, as `torch.onnx.export` takes them.
    """
    file = io.BytesIO()
    module.eval()
    # The exporter that PyTorch 1.13 has; newer ones must be told not to use theirs.
    older = {'dynamo': False} if 'dynamo' in torch.onnx.export.__code__.co_varnames else {}
    torch.onnx.export(module, tuple(inputs.values()), file, input_names=list(inputs),
                      output_names=output_names, opset_version=opset, do_constant_folding=True, dynamic_axes=dynamic_axes, **older)
    model = onnx.load_from_string(file.getvalue())
    fill_channels(model)
    onnx.checker.check_model(model)
    return model


def fill_channels(model):
    """Adds channels of zeros to what convolutions take whose number of channels is 6, 9 or another odd multiple of 3.

    onnxruntime's WebGPU provider computes those wrongly (1.30; microsoft/onnxruntime issue 29651; `bench/providers.ts`
    finds it). The weights stay as they are in the file, which says where each lies.
    """
    graph = model.graph
    channels = {tensor.name: tensor.dims[1] for tensor in graph.initializer if len(tensor.dims) == 4}
    nodes = []
    for node in graph.node:
        count = channels.get(node.input[1], 0) if node.op_type == 'Conv' else 0
        grouped = any(a.name == 'group' and a.i > 1 for a in node.attribute)
        if count > 3 and count % 3 == 0 and count % 4 and not grouped:
            pads = f'{node.output[0]}_pads'
            graph.initializer.append(numpy_helper.from_array(np.array([0] * 5 + [-count % 4, 0, 0]), pads))
            for place, kind in enumerate(('data', 'weight')):
                filled = f'{node.output[0]}_{kind}'
                nodes.append(helper.make_node('Pad', [node.input[place], pads], [filled]))
                node.input[place] = filled
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def round_weights(module):
    """Rounds a module's weights to what `halve_weights` will store of them."""
    for weight in module.parameters():
        if weight.numel() >= SMALL:
            weight.data = weight.data.half().float()


def halve_weights(model):
    """Stores float32 weights as float16 with a Cast before use: half the file, float32 arithmetic."""
    casts, kept = [], []
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype != np.float32 or array.size < SMALL:
            kept.append(tensor)
            continue
        kept.append(numpy_helper.from_array(array.astype(np.float16), tensor.name + '_f16'))
        casts.append(helper.make_node('Cast', [tensor.name + '_f16'], [tensor.name], to=TensorProto.FLOAT))
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(casts + nodes)
    onnx.checker.check_model(model)


def replace_prelu(model):
    """PReLU with slope a of each channel as a x + (1 - a) relu(x), with convolutions of one pixel.

    They stay in onnxruntime's blocked layout, which its PRelu leaves and enters again: a third less time.
    """
    graph = model.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type in ('Cast', 'Identity') and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    nodes = []
    for node in graph.node:
        if node.op_type != 'PRelu':
            nodes.append(node)
            continue
        x, y = node.input[0], node.output[0]
        slope = weights[node.input[1]].astype(np.float32).reshape(-1, 1, 1, 1)
        for name, factors in (('below', slope), ('above', 1 - slope)):
            graph.initializer.append(numpy_helper.from_array(factors, f'{y}_{name}_w'))
        nodes.append(helper.make_node('Relu', [x], [f'{y}_relu']))
        for name, source in (('below', x), ('above', f'{y}_relu')):
            nodes.append(helper.make_node('Conv', [source, f'{y}_{name}_w'], [f'{y}_{name}'],
                                          group=len(slope), kernel_shape=[1, 1]))
        nodes.append(helper.make_node('Add', [f'{y}_below', f'{y}_above'], [y]))
    used = {name for node in nodes for name in node.input}
    used |= {output.name for output in graph.output}
    nodes = [n for n in nodes if n.op_type not in ('Cast', 'Identity') or n.output[0] in used]
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    onnx.checker.check_model(model)


def write(model, path):
    """Writes a model; the same model gives the same bytes. Returns their SHA-256 (hexadecimal)."""
    model.producer_name, model.producer_version = 'visavis', ''
    data = model.SerializeToString(deterministic=True)
    Path(path).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def run_in_node(path, inputs):
    """Outputs of a graph in onnxruntime-node as a dictionary of float32 arrays; so are the inputs."""
    def packed(array):
        data = np.ascontiguousarray(array, '<f4')
        return {'dims': data.shape, 'data': base64.b64encode(data.tobytes()).decode()}

    request = {'model': str(Path(path).resolve()), 'inputs': {k: packed(v) for k, v in inputs.items()}}
    done = subprocess.run(['node', RUNNER], input=json.dumps(request), capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise SystemExit(f'{path} does not run in onnxruntime-node: {done.stderr.strip()}')
    return {name: np.frombuffer(base64.b64decode(o['data']), '<f4').reshape(o['dims'])
            for name, o in json.loads(done.stdout).items()}


def outputs_of(module, inputs):
    """The module's outputs as a tuple."""
    made = module(*inputs.values())
    return made if isinstance(made, tuple) else (made,)


@torch.no_grad()
def check(path, module, inputs, names):
    """Ends the program where the graph and the module differ by more than TOLERANCE; says by how much they do."""
    made = run_in_node(path, {name: value.numpy() for name, value in inputs.items()})
    for name, wanted in zip(names, outputs_of(module, inputs)):
        error, largest = float(np.abs(made[name] - wanted.numpy()).max()), float(wanted.abs().max())
        print(f'{path.name} {name}: largest difference {error:.6f} of {largest:.3f}')
        if not error < TOLERANCE * max(1, largest):
            sys.exit(f'{path}: {name} differs from PyTorch by {error}, more than {TOLERANCE}')


@torch.no_grad()
def say_rounding(path, rounded, full, inputs, names):
    """Says what rounding the weights to binary16 changes; `rounded` and `full` are the module after and before."""
    errors = [float((a - b).abs().max()) for a, b in zip(outputs_of(rounded, inputs), outputs_of(full, inputs))]
    print(f'{path.name}: binary16 weights change {", ".join(names)} by at most {max(errors):.5f}')


def write_graph(path, module, inputs, names, opset, axes=None, half=True):
    """Exports a module, its weights as float16 unless `half` is false, and writes it; gives the model."""
    model = export(module, inputs, names, opset, axes)
    if half:
        halve_weights(model)
    write(model, path)
    return model
