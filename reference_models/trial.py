"""Build networks small, in several forms, and hold what the files compute against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.output import write_whole
from npulint.reference_models import cache
from npulint.reference_models.export import Export, attempt
from npulint.reference_models.frameworks import need
from npulint.workers import spread

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from npulint.reference_models.network import Network
    from npulint.reference_models.recipe import Recipe

TOLERANCE = 1e-4
"""How far two float32 files of one network may be apart, in parts of the output's range."""

_SMALL = (64, 96)
_LARGER = {
    # An odd height before the last halving, as 720 has: the way back up is not by whole numbers.
    **dict.fromkeys(
        (
            "inception_resnetv2_fpn",
            "unet_small",
            "unet_transposeconv_prelu",
            "unet_transposeconv_relu",
        ),
        (80, 96),
    ),
    # Strides of 3 must leave more than one pixel, or there is nothing to take means of.
    "microisp": (160, 192),
    "pynet_v2_mobile_mosaic": (128, 192),
    "pynet_v2_slim": (128, 192),
    "pynet_v2_slim_plus": (128, 192),
}


def small(name: str) -> tuple[int, int]:
    """Height and width at which a network is quick to run and nothing in it degenerates."""
    if name.endswith(("_cumsum", "_avgpool")):
        # Wider than any square of local pooling, by two pixels and more on each side.
        return 64, 480
    return _LARGER.get(name, _SMALL)


@dataclass(frozen=True, slots=True)
class Trial:
    """One network in one form.

    Attributes:
        network: Its name.
        image: The input's shape [H, W, C].
        recipe: The form.
        path: The file, None where the exporter refused.
        refusal: Why it refused, else None.
        difference: The largest difference of an output element from the network's first file,
            in parts of the output's range; None for that file and for what does not exist.
    """

    network: str
    image: tuple[int, int, int]
    recipe: Recipe
    path: Path | None
    refusal: str | None = None
    difference: float | None = None

    @property
    def fails(self) -> bool:
        """Whether something is wrong: an exporter may refuse and differ when it quantises only."""
        if self.recipe.quantize != "none":
            return False
        # Written so that what is no number fails.
        return self.path is None or not (self.difference or 0) <= TOLERANCE


def exported(network: Network, recipe: Recipe, *, fresh: bool = False) -> Export:
    """Export a network, or take what was exported before.

    Args:
        network: What to export.
        recipe: In which form.
        fresh: Whether to export it anew.

    Raises:
        MissingExtraError: The framework is not installed, and nothing is kept.
    """
    place = cache.place(network, recipe)
    content = None if fresh else cache.find(place)
    if content is not None:
        return Export(recipe, content)
    made = attempt(network, recipe)
    if made.content is not None:
        cache.keep(place, made.content)
    return made


def try_out(
    network: Network, recipes: Sequence[Recipe], folder: Path, *, fresh: bool = False
) -> Iterator[Trial]:
    """Export a network in several forms and run each file on the same image.

    Args:
        network: What to try.
        recipes: The forms; the first is what the others are held against.
        folder: Where the files go.
        fresh: Whether to export even what is kept from before.

    Yields:
        One result a form, in their order.

    Raises:
        MissingExtraError: A framework or a runtime is not installed.
        UsageError: The folder cannot be written.
    """
    need("verify", "running networks")
    import numpy as np

    image = np.random.RandomState(3).uniform(0, 1, (1, *network.image)).astype(np.float32)
    reference: npt.NDArray[np.float32] | None = None
    for recipe in recipes:
        made = exported(network, recipe, fresh=fresh)
        if made.content is None:
            yield Trial(network.name, network.image, recipe, None, made.refusal)
            continue
        path = folder / f"{network.name}-{str(recipe).replace(' ', '-')}.{recipe.format}"
        write_whole(path, made.content)
        output = run(path, image)
        if reference is None:
            reference = output
            yield Trial(network.name, network.image, recipe, path)
            continue
        difference = float(np.abs(output - reference).max() / np.ptp(reference))
        yield Trial(network.name, network.image, recipe, path, difference=difference)


def try_all(  # noqa: PLR0913 - what to do, and how
    networks: Sequence[Network],
    recipes: Sequence[Recipe],
    folder: Path,
    *,
    fresh: bool = False,
    jobs: int = 1,
    progress: Callable[[Network], None] | None = None,
) -> tuple[Trial, ...]:
    """Try several networks out, in their order.

    Args:
        networks: What to try.
        recipes: The forms; the first is what the others are held against.
        folder: Where the files go.
        fresh: Whether to export even what is kept from before.
        jobs: How many processes share the work.
        progress: Called with each network when its turn comes.

    Raises:
        MissingExtraError: A framework or a runtime is not installed.
        UsageError: The folder cannot be written.
    """
    task = partial(_tried, recipes=recipes, folder=folder, fresh=fresh)
    return tuple(chain.from_iterable(spread(task, networks, jobs=jobs, progress=progress)))


def _tried(
    network: Network, recipes: Sequence[Recipe], folder: Path, *, fresh: bool
) -> tuple[Trial, ...]:
    return tuple(try_out(network, recipes, folder, fresh=fresh))


def run(path: Path, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Run an exported file.

    Args:
        path: An .onnx or .tflite with one input and one output.
        image: The input [1, H, W, C], whatever layout and type the file wants it in.

    Returns:
        The output [1, H', W', C'], of real numbers.
    """
    return _run_onnx(path, image) if path.suffix == ".onnx" else _run_tflite(path, image)


def _run_onnx(path: Path, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    import numpy as np
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = 1
    session = InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: np.ascontiguousarray(image.transpose(0, 3, 1, 2))}
    (output,) = session.run(None, feed)
    result: npt.NDArray[np.float32] = np.asarray(output).transpose(0, 2, 3, 1)
    return result


def _run_tflite(path: Path, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    import numpy as np

    from npulint.reference_models.quiet import quiet

    with quiet():
        from ai_edge_litert.interpreter import Interpreter

        runtime = Interpreter(str(path), num_threads=1)
        runtime.allocate_tensors()
    wanted, given = runtime.get_input_details()[0], runtime.get_output_details()[0]
    scale, zero = wanted["quantization"]
    if scale:
        levels = np.iinfo(wanted["dtype"])
        image = np.clip(np.round(image / scale) + zero, levels.min, levels.max)
    runtime.set_tensor(wanted["index"], image.astype(wanted["dtype"]))
    runtime.invoke()
    output = runtime.get_tensor(given["index"]).astype(np.float32)
    scale, zero = given["quantization"]
    result: npt.NDArray[np.float32] = (output - zero) * scale if scale else output
    return result
