"""What Keras layers are converted to: models for the support tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npulint.fixers.surgery import make_fragment
from npulint.formats import load
from npulint.preparing.records import Cost
from npulint.reference_models.keras_layers import keras, tf
from npulint.reference_models.quiet import quiet

if TYPE_CHECKING:
    from npulint.model import Graph, Model, Node
    from npulint.preparing.keras_making import Parts


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Layers after one another, which are asked about by themselves.

    Attributes:
        parts: The layers, each with its weights.
        shape: Of what the first one takes, with a batch of 1.
    """

    parts: Parts
    shape: tuple[int, ...]


class Converter:
    """Converts by `TFLiteConverter`, as the user does afterwards: float32, a batch of 1.

    Args:
        folder: Where files may lie for as long as their models are asked about.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def whole(self, network: Any) -> Model:
        """Convert a network.

        Raises:
            Exception: Whatever the converter raises.
        """
        self._count += 1
        path = self._folder / f"{self._count}.tflite"
        with quiet():
            path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(network).convert())
        return load(path)

    def parts(self, asked: Sequence[Asked]) -> list[Model]:
        """Convert layers by themselves, all in one go.

        Args:
            asked: The layers.
        """
        if not asked:
            return []
        inputs = [keras.Input(batch_shape=each.shape) for each in asked]
        outputs = [laid(each.parts, x) for each, x in zip(asked, inputs, strict=True)]
        model = self.whole(keras.Model(inputs, outputs))
        return [_behind(model, index) for index in _outputs(model, len(asked))]


def laid(parts: Parts, x: Any) -> Any:
    """Call layers one after the other and give them their weights."""
    for layer, weights in parts:
        x = layer(x)
        if weights:
            layer.set_weights(list(weights))
    return x


def float32(network: Any, shape: tuple[int, ...]) -> Any:
    """A copy of a network in float32 whose only input has a shape."""

    def plain(layer: Any) -> Any:
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    image = keras.Input(batch_shape=shape, name="input")
    made = keras.models.clone_model(
        network, input_tensors=image, clone_function=plain, recursive=True
    )
    made.set_weights(network.get_weights())
    return made


def cost(parts: Sequence[Any], macs: int | None) -> Cost:
    """What layers cost: what is trained of their weights."""
    held = {id(each): each for layer in parts for each in layer.trainable_weights}
    return Cost(sum(int(each.shape.num_elements()) for each in map(_tensor, held.values())), macs)


def _tensor(weight: Any) -> Any:
    return tf.convert_to_tensor(weight)


def _outputs(model: Model, count: int) -> list[int]:
    """The values that outputs are, in the order of the network: a file may have another one."""
    if count == 1:
        return list(model.graphs[0].outputs)
    named = dict(model.signatures[0].outputs)
    return [named[f"output_{number}"] for number in range(count)]


def _behind(model: Model, output: int) -> Model:
    """The model of one output and of what it is computed of."""
    graph = model.graphs[0]
    nodes = _needed(graph, output)
    if not nodes:  # A scale of 1 and a shift of 0 are nothing to a converter.
        bare = replace(graph, nodes=(), inputs=(output,), outputs=(output,))
        return replace(model, graphs=(bare,), signatures=(), metadata={})
    fragment = make_fragment(graph, nodes, (), (output,), (output,))
    return replace(model, graphs=(fragment.graph,), signatures=(), metadata={})


def _needed(graph: Graph, output: int) -> list[Node]:
    makers = {index: node for node in graph.nodes for index in node.outputs}
    wanted, found = [output], set()
    while wanted:
        node = makers.get(wanted.pop())
        if node is not None and node.index not in found:
            found.add(node.index)
            wanted += node.inputs
    return [node for node in graph.nodes if node.index in found]
