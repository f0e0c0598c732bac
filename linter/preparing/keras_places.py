"""Where the layers of a Keras network stand, nested networks opened, and other layers there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from npulint.preparing.keras_exporting import laid
from npulint.reference_models.keras_layers import keras

if TYPE_CHECKING:
    from npulint.preparing.keras_making import Parts

SHARED = "it is called in several places, which would share what takes its place"


def leaves(network: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The layers of a network and of the networks in it, each once, by `outer/inner` paths.

    Args:
        network: A functional or sequential network.
        prefix: Of the paths.
    """
    met: set[int] = set()
    for layer in network.layers:
        inside = (
            leaves(layer, f"{prefix}{layer.name}/") if is_network(layer)
            else ((f"{prefix}{layer.name}", layer),)
        )  # fmt: skip
        for path, leaf in inside:
            if id(leaf) not in met:
                met.add(id(leaf))
                yield path, leaf


def is_network(layer: Any) -> bool:
    """Whether a layer is a functional or sequential network, whose layers are known."""
    return isinstance(layer, keras.Model) and bool(getattr(layer, "inputs", None))


def calls(layer: Any) -> tuple[tuple[int | None, ...], ...]:
    """The shapes of the one tensor that each call takes; none where some call takes several."""
    nodes = layer._inbound_nodes
    if any(len(node.input_tensors) != 1 for node in nodes):
        return ()
    return tuple(tuple(node.input_tensors[0].shape) for node in nodes)


def rebuilt(
    network: Any, replaced: Mapping[int, tuple[Callable[[str], Parts], tuple[int, ...]]]
) -> Any:
    """A network with other layers in place of some, and all that is left as it is.

    Args:
        network: The network; it stays as it is.
        replaced: By the identity of a layer, what makes its successors, and what it is called with.
    """
    kept: list[tuple[Any, Any]] = []

    def cloned(layer: Any) -> Any:
        if id(layer) in replaced:
            return _made(layer, *replaced[id(layer)])
        new = type(layer).from_config(layer.get_config())
        kept.append((layer, new))
        return new

    new = keras.models.clone_model(network, clone_function=cloned, recursive=True)
    for old, made in kept:
        made.set_weights(old.get_weights())
        made.trainable = old.trainable
    return new


def _made(layer: Any, make: Callable[[str], Parts], shape: tuple[int, ...]) -> Any:
    """What takes a layer's place, as one layer of the same name."""
    parts = make(layer.dtype_policy.name)
    laid(parts, keras.Input(batch_shape=(None, *shape[1:]), dtype=layer.compute_dtype))
    if len(parts) == 1:
        made = parts[0][0]
        made.name = layer.name
    else:
        made = keras.Sequential([each for each, _ in parts], name=layer.name)
    if not layer.trainable:
        made.trainable = False
    return made
