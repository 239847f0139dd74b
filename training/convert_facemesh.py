#!/usr/bin/env python3
"""Convert the face graphs of the npm package @vladmandic/human to ONNX.

    npm pack @vladmandic/human@3.3.6 && tar xf vladmandic-human-3.3.6.tgz
    apt-get install -y python3-onnx
    /usr/bin/python3 training/convert_facemesh.py package/models FOLDER

Writes blazeface.onnx and iris.onnx, which packs/tracker has, and facemesh.onnx, which its training
starts from: opset 13, weights stored as float16 with a Cast to float32 before use (onnxruntime folds it
when the session is made), so arithmetic is float32. Inputs stay NHWC as the graphs had them; inside
everything is NCHW. The same input gives the same bytes.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 13
# Which tensor becomes which output: the source names say nothing.
MODELS = {
    "blazeface": {
        "outputs": {
            "Identity": "scores_512",
            "Identity_1": "scores_384",
            "Identity_2": "boxes_512",
            "Identity_3": "boxes_384",
        },
        "size": 256,
        "batch": 1,
    },
    "facemesh": {
        "outputs": {"Identity_2": "points", "Identity_1": "presence"},
        "size": 192,
        "batch": 1,
    },
    "iris": {"outputs": {"Identity": "points"}, "size": 64, "batch": "eyes"},
}
TF_TYPES = {"DT_FLOAT": np.float32, "DT_INT32": np.int32}


def text(attribute):
    return base64.b64decode(attribute["s"]).decode()


def ints(attribute):
    return [int(i) for i in attribute["list"]["i"]]


def load(folder, name):
    """The graph's nodes and its weights as float32/int32 arrays."""
    spec = json.loads((folder / f"{name}.json").read_text())
    weights = {}
    for group in spec["weightsManifest"]:
        blob = b"".join((folder / path).read_bytes() for path in group["paths"])
        offset = 0
        for w in group["weights"]:
            stored = np.dtype(w.get("quantization", {}).get("dtype", w["dtype"]))
            count = int(np.prod(w["shape"], dtype=np.int64))
            array = np.frombuffer(blob, stored, count, offset).reshape(w["shape"])
            offset += count * stored.itemsize
            weights[w["name"]] = array.astype(w["dtype"])
    return spec["modelTopology"]["node"], weights


class Builder:
    """Emits ONNX nodes; a tensor is known by its TensorFlow name and is NCHW where it has 4 axes."""

    def __init__(self, weights, size):
        self.weights, self.nodes, self.initializers = weights, [], []
        self.shapes = {}  # TensorFlow shapes (NHWC) of one picture
        self.size, self.used = size, set()

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name, array):
        """An integer constant as it is, a real one as float16 and a Cast."""
        if name in self.used:
            return name
        self.used.add(name)
        if array.dtype == np.float32:
            half = array.astype(np.float16)
            self.initializers.append(numpy_helper.from_array(half, name + "_f16"))
            return self.node("Cast", [name + "_f16"], name, to=TensorProto.FLOAT)
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def conv(self, n, depthwise):
        attr, x, out = n["attr"], n["input"][0], n["name"]
        w = self.weights[n["input"][1]]  # HWIO
        _, h, wd, channels = self.shapes[x]
        kh, kw = w.shape[:2]
        sh, sw = ints(attr["strides"])[1:3]
        assert ints(attr["dilations"]) == [1, 1, 1, 1]
        if depthwise:
            weight = w.transpose(2, 3, 0, 1).reshape(-1, 1, kh, kw)
        else:
            weight = w.transpose(3, 2, 0, 1)
        pads, oh, ow = self.padding(text(attr["padding"]), (h, wd), (kh, kw), (sh, sw))
        inputs = [x, self.constant(out + "_w", np.ascontiguousarray(weight))]
        fused = [base64.b64decode(s).decode() for s in attr.get("fused_ops", {}).get("list", {}).get("s", [])]
        if "BiasAdd" in fused:
            inputs.append(self.constant(n["input"][2], self.weights[n["input"][2]]))
        activation = fused[1] if len(fused) > 1 else None
        raw = out + "_raw" if activation else out
        self.node("Conv", inputs, raw, kernel_shape=[kh, kw], strides=[sh, sw], pads=pads,
                  group=channels if depthwise else 1)
        self.shapes[out] = [1, oh, ow, weight.shape[0]]
        if activation == "Relu":
            self.node("Relu", [raw], out)
        elif activation == "Prelu":
            self.node("PRelu", [raw, self.slope(n["input"][3])], out)
        else:
            assert activation is None, activation

    def slope(self, name):
        w = self.weights[name]
        assert w.shape[:2] == (1, 1) and w.ndim == 3
        return self.constant(name, w.transpose(2, 0, 1).copy())

    @staticmethod
    def padding(kind, size, kernel, stride):
        if kind == "VALID":
            return [0, 0, 0, 0], *[(s - k) // t + 1 for s, k, t in zip(size, kernel, stride)]
        assert kind == "SAME"
        out = [-(-s // t) for s, t in zip(size, stride)]
        total = [max((o - 1) * t + k - s, 0) for o, t, k, s in zip(out, stride, kernel, size)]
        begin = [t // 2 for t in total]
        return [*begin, *[t - b for t, b in zip(total, begin)]], *out

    def add(self, n):
        op, out = n["op"], n["name"]
        i = n.get("input", [])
        attr = n.get("attr", {})
        if op == "Const":
            return
        if op == "Placeholder":
            self.shapes[out] = [1, self.size, self.size, 3]
            self.node("Transpose", ["image"], out, perm=[0, 3, 1, 2])
        elif op in ("_FusedConv2D", "Conv2D"):
            self.conv(n, False)
        elif op == "DepthwiseConv2dNative":
            self.conv(n, True)
        elif op == "AddV2":
            if i[1] in self.weights:  # a bias that was not fused
                b = self.weights[i[1]]
                self.node("Add", [i[0], self.constant(i[1], b.reshape(-1, 1, 1).copy())], out)
            else:
                self.node("Add", i, out)
            self.shapes[out] = self.shapes[i[0]]
        elif op == "Relu":
            self.node("Relu", i, out)
            self.shapes[out] = self.shapes[i[0]]
        elif op == "Sigmoid":
            self.node("Sigmoid", i, out)
            self.shapes[out] = self.shapes[i[0]]
        elif op == "Prelu":
            self.node("PRelu", [i[0], self.slope(i[1])], out)
            self.shapes[out] = self.shapes[i[0]]
        elif op == "MaxPool":
            kernel, stride = ints(attr["ksize"])[1:3], ints(attr["strides"])[1:3]
            b, h, w, c = self.shapes[i[0]]
            pads, oh, ow = self.padding(text(attr["padding"]), (h, w), kernel, stride)
            self.node("MaxPool", [i[0]], out, kernel_shape=kernel, strides=stride, pads=pads)
            self.shapes[out] = [b, oh, ow, c]
        elif op == "Pad":
            p = self.weights[i[1]].astype(np.int64)  # NHWC × (before, after)
            order = [0, 3, 1, 2]
            pads = np.concatenate([p[order, 0], p[order, 1]])
            self.node("Pad", [i[0], self.constant(out + "_pads", pads)], out)
            self.shapes[out] = [s + int(a + z) for s, (a, z) in zip(self.shapes[i[0]], p)]
        elif op == "ConcatV2":
            assert int(self.weights[i[2]]) in (3, -1)
            self.node("Concat", i[:2], out, axis=1)
            self.shapes[out] = [*self.shapes[i[0]][:3], self.shapes[i[0]][3] + self.shapes[i[1]][3]]
        elif op == "Reshape":
            shape = self.weights[i[1]].astype(np.int64)
            self.node("Transpose", [i[0]], out + "_nhwc", perm=[0, 2, 3, 1])
            self.node("Reshape", [out + "_nhwc", self.constant(out + "_shape", shape)], out)
            self.shapes[out] = [int(s) for s in shape]
        elif op == "Identity":
            self.shapes[out] = self.shapes[i[0]]
            self.node("Identity", i, out)
        else:
            raise SystemExit(f"unknown operation {op} in {out}")


def needed(nodes, outputs):
    """Nodes that the outputs depend on, in dependency order."""
    by_name = {n["name"]: n for n in nodes}
    order, seen = [], set()

    def visit(name):
        if name not in seen:
            seen.add(name)
            for source in by_name[name].get("input", []):
                visit(source)
            order.append(by_name[name])

    for name in outputs:
        visit(name)
    return order


def convert(folder, name):
    spec = MODELS[name]
    nodes, weights = load(folder, name)
    b = Builder(weights, spec["size"])
    for n in needed(nodes, spec["outputs"]):
        b.add(n)
    outputs = []
    for source, target in spec["outputs"].items():
        b.nodes[:] = [n for n in b.nodes if n.output[0] != source or n.op_type != "Identity"]
        inner = next(n for n in nodes if n["name"] == source)["input"][0]
        b.node("Identity", [inner], target)
        outputs.append(helper.make_tensor_value_info(target, TensorProto.FLOAT, None))
    side = spec["size"]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [spec["batch"], side, side, 3])
    graph = helper.make_graph(b.nodes, name, [image], outputs, b.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)],
                              producer_name="visavis/convert_facemesh")
    model.ir_version = 7
    model = onnx.shape_inference.infer_shapes(model)
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    return model


def main():
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        data = convert(source, name).SerializeToString(deterministic=True)
        (target / f"{name}.onnx").write_bytes(data)
        print(f"{name}.onnx: {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
