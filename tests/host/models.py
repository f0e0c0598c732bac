"""Small models whose nodes the HTP compiler takes, refuses or fails on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from tests.formats import onnx_building as build
from tests.formats import tflite_building as lite

node = helper.make_node
IMAGE = (1, 4, 8, 8)


def stored(name: str, array: object) -> TensorProto:
    return numpy_helper.from_array(np.asarray(array), name)


def chain(
    nodes: Sequence[NodeProto],
    tensors: Sequence[TensorProto] = (),
    shape: Sequence[int | str] = IMAGE,
    out: Sequence[int | str] | None = None,
) -> ModelProto:
    """From x to y."""
    outputs = [build.floats("y", *(shape if out is None else out))]
    main = build.graph(nodes, [build.floats("x", *shape)], outputs, tensors)
    return build.model(main)


def kernel() -> TensorProto:
    drawn = np.random.default_rng(0).standard_normal((8, 4, 3, 3))
    return stored("w", drawn.astype(np.float32))


def conv(y: str = "y") -> NodeProto:
    return node("Conv", ["x", "w"], [y], pads=[1, 1, 1, 1])


def convolution() -> ModelProto:
    return chain([conv()], [kernel()], out=(1, 8, 8, 8))


def pixel_shuffle() -> ModelProto:
    shuffle = node("DepthToSpace", ["a"], ["y"], blocksize=2, mode="CRD")
    return chain([conv("a"), shuffle], [kernel()], out=(1, 2, 16, 16))


def batch_norm() -> ModelProto:
    """Folded into the convolution before the compiler is asked."""
    parts = [stored(name, np.linspace(0.5, 1.5, 8, dtype=np.float32)) for name in "sbmv"]
    norm = node("BatchNormalization", ["a", "s", "b", "m", "v"], ["y"])
    return chain([conv("a"), norm], [kernel(), *parts], out=(1, 8, 8, 8))


def unary(*ops: str, shape: Sequence[int | str] = IMAGE) -> ModelProto:
    names = ["x", *(f"t{place}" for place in range(1, len(ops))), "y"]
    nodes = [node(op, [names[place]], [names[place + 1]]) for place, op in enumerate(ops)]
    return chain(nodes, shape=shape)


def quantised() -> ModelProto:
    """QuantizeLinear and DequantizeLinear at both ends, around a Relu of 8 bits."""
    scale = [stored("s", np.float32(1 / 128)), stored("z", np.uint8(0))]
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        node("Relu", ["d"], ["r"]),
        node("QuantizeLinear", ["r", "s", "z"], ["p"]),
        node("DequantizeLinear", ["p", "s", "z"], ["y"]),
    ]
    return chain(nodes, scale)


def branches(other: str) -> ModelProto:
    """An If of Relu and another operator: where one branch is refused, all of it is."""
    ends = [build.floats(name, *IMAGE) for name in ("p", "q")]
    yes = build.graph([node("Relu", ["x"], ["p"])], outputs=ends[:1], name="yes")
    no = build.graph([node(other, ["x"], ["q"])], outputs=ends[1:], name="no")
    nodes = [
        node("ReduceMax", ["x"], ["m"], keepdims=0),
        node("Greater", ["m", "one"], ["c"]),
        node("If", ["c"], ["y"], then_branch=yes, else_branch=no),
    ]
    return chain(nodes, [stored("one", np.float32(1))])


def functions() -> ModelProto:
    """A function that is called twice, with a node that is refused."""
    inside = [node("Relu", ["a"], ["t"]), node("Erf", ["t"], ["b"])]
    opsets = [helper.make_opsetid("", 17)]
    function = helper.make_function("own", "F", ["a"], ["b"], inside, opsets)
    calls = [node("F", ["x"], ["p"], domain="own"), node("F", ["p"], ["y"], domain="own")]
    ends = [build.floats("x", *IMAGE)], [build.floats("y", *IMAGE)]
    main = build.graph(calls, *ends)
    return build.model(main, opsets={"own": 1}, functions=[function])


def nearest() -> ModelProto:
    """A Resize that is taken, and of which the emulator ignores the rounding mode."""
    resize = node(
        "Resize",
        ["x", "", "scales"],
        ["y"],
        mode="nearest",
        nearest_mode="floor",
        coordinate_transformation_mode="half_pixel",
    )
    scales = stored("scales", np.array([1, 1, 2, 2], np.float32))
    return chain([resize], [scales], out=(1, 4, 16, 16))


def strings() -> ModelProto:
    equal = node("Equal", ["x", "x"], ["y"])
    ends = (
        [build.tensor("x", TensorProto.STRING, [2])],
        [build.tensor("y", TensorProto.BOOL, [2])],
    )
    return build.model(build.graph([equal], *ends), 19)


ONNX: dict[str, Callable[[], ModelProto]] = {
    "convolution": convolution,
    "pixel_shuffle": pixel_shuffle,
    "batch_norm": batch_norm,
    "erf": lambda: unary("Relu", "Erf", "Relu"),
    "elu": lambda: unary("Relu", "Erf", "Elu", "Erf", "Relu"),
    "open": lambda: unary("Relu", shape=("N", 4, 8, 8)),
    "rank6": lambda: unary("Relu", shape=(1, 2, 2, 2, 2, 2)),
    # Taken apart before the compiler is asked, which then refuses a part: 5 axes are too many.
    "apart": lambda: unary("HardSwish", shape=(1, 2, 4, 6, 8)),
    "quantised": quantised,
    "branches": lambda: branches("Sigmoid"),
    "refused_branch": lambda: branches("Erf"),
    "functions": functions,
    "nearest": nearest,
    "strings": strings,
}

IMAGE_LITE = (1, 4, 4, 2)


def lite_chain(
    *ops: str,
    shape: tuple[int, ...] = IMAGE_LITE,
    dtypes: tuple[str, str] = ("FLOAT32", "FLOAT32"),
    operands: int = 1,
) -> object:
    """Operators one after the other, each of which reads what is before it `operands` times."""
    names = ["x", *(f"t{place}" for place in range(1, len(ops))), "y"]
    kinds = [dtypes[0]] * len(ops) + [dtypes[1]]
    tensors = [lite.tensor(*each) for each in zip(names, [shape] * len(names), kinds, strict=True)]
    operators = [lite.operator(place, [place] * operands, [place + 1]) for place in range(len(ops))]
    main = lite.table(
        "SubGraph",
        name=b"main",
        tensors=tensors,
        inputs=[0],
        outputs=[len(ops)],
        operators=operators,
    )
    return lite.table(
        "Model",
        version=3,
        operator_codes=[lite.code(op) for op in ops],
        subgraphs=[main],
        buffers=[lite.table("Buffer")],
    )


TFLITE: dict[str, Callable[[], object]] = {
    "relu": lambda: lite_chain("RELU"),
    "sign": lambda: lite_chain("RELU", "ATAN2", "RELU", operands=2),
    "rank6": lambda: lite_chain("RELU", shape=(1, 2, 2, 2, 2, 2)),
    "elu": lambda: lite_chain("ELU"),
    "strings": lambda: lite_chain("EQUAL", shape=(2,), dtypes=("STRING", "BOOL"), operands=2),
}


def write_onnx(folder: Path, name: str) -> Path:
    return build.write(folder, ONNX[name](), f"{name}.onnx")


def write_tflite(folder: Path, name: str) -> Path:
    return lite.write(folder, TFLITE[name](), f"{name}.tflite")


def write_external(folder: Path, name: str) -> Path:
    """The model with its weights in a file beside it."""
    path = folder / f"{name}.onnx"
    onnx.save_model(
        ONNX[name](), path, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    return path


def write_cut(folder: Path, behind: bytes = b"", *, own: bool = False) -> Path:
    """What the plugin writes for `relu` when it takes all of it, with bytes of a context.

    With `own`, it also leaves a node of its own making.
    """
    ends = [lite.tensor(f"npulint-0-{place}", IMAGE_LITE) for place in range(2)]
    ends.append(lite.tensor("of its own", IMAGE_LITE))
    subgraphs = [
        lite.table(
            "SubGraph",
            name=b"main",
            tensors=ends,
            inputs=[0],
            outputs=[1],
            operators=[lite.operator(code, [0], [1]), *extra],
        )
        for code, extra in ((1, [lite.operator(0, [0], [2])] * own), (0, []))
    ]
    model = lite.table(
        "Model",
        version=3,
        operator_codes=[lite.code("RELU"), lite.code("CUSTOM", custom="DISPATCH_OP")],
        subgraphs=subgraphs,
        buffers=[lite.table("Buffer")],
    )
    path = lite.write(folder, model, "cut.tflite")
    path.write_bytes(path.read_bytes() + behind)
    return path
