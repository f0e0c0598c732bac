"""Are two models the same function? By running both, in runtimes of their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.verification.records import ChannelOrder, Comparison, Regions, Settings

if TYPE_CHECKING:
    from npulint.model import Model
    from npulint.runtimes import Array

__all__ = ["Comparison", "Regions", "Settings", "compare_regions", "verify"]


def verify(  # noqa: PLR0913 - one parameter an option
    a: Path | str | Model,
    b: Path | str | Model,
    *,
    inputs: Sequence[Path | str | Mapping[str, Array]] = (),
    runs: int | None = None,
    edge: bool | None = None,
    seed: int = 0,
    input_shapes: Mapping[str, Sequence[tuple[int, ...]]] | None = None,
    mapping: Mapping[str, str] | None = None,
    layouts: Mapping[str, ChannelOrder] | None = None,
    max_error: float | None = None,
    min_psnr: float | None = None,
    regions: bool | Collection[str] = False,
    timeout: float = 600.0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Comparison:
    """Run two models on the same inputs and compare all that they put out.

    Args:
        a: The reference, `.onnx` or `.tflite`.
        b: The model that should compute the same.
        inputs: Given inputs by name, in A's layout: `.npz` files or arrays.
        runs: Sets of random inputs; None for 3, or none where inputs are given.
        edge: Whether to run zeros, ones, extremes and an alternating pattern; None for yes,
            unless inputs are given.
        seed: Seed of the random inputs.
        input_shapes: Sizes of A's inputs; several of one input are run one after the other.
        mapping: Names in B by names in A, for inputs and outputs that names do not pair.
        layouts: By names in A `same`, `nchw-nhwc` or `nhwc-nchw`, where shapes leave it open.
        max_error: Largest share of an output's range that counts as the same; 1e-4 unless this
            or `min_psnr` is set.
        min_psnr: Least peak signal-to-noise ratio, in dB.
        regions: Whether to compare the intermediate values that both name alike, on the sample
            with the largest error; or the names of those that matter, which are left out where
            the runtimes have no room for them.
        timeout: Seconds that loading a model or one run may take.
        progress: Called with what is next, how much is done, and how much there is.

    Returns:
        The comparison; `same` sums it up.

    Raises:
        MissingExtraError: A runtime is not installed.
        ModelFileError: A file is no model, or its runtime refuses it or dies of it.
        UsageError: The models or the inputs do not go together.
    """
    from npulint.verification.comparing import compare

    settings = Settings(
        given=tuple(each if isinstance(each, Mapping) else Path(each) for each in inputs),
        runs=runs,
        edge=edge,
        seed=seed,
        shapes={name: tuple(shapes) for name, shapes in (input_shapes or {}).items()},
        mapping=dict(mapping or {}),
        layouts=dict(layouts or {}),
        max_error=max_error,
        min_psnr=min_psnr,
        timeout=timeout,
    )
    return compare(_path(a), _path(b), settings, regions=regions, progress=progress)


def compare_regions(
    a: Path | str | Model, b: Path | str | Model, settings: Settings | None = None
) -> Regions:
    """Compare the intermediate values that two models of one dialect name alike.

    They are run on the first sample that the settings give. A model and its rewrite share the
    names of all values that the rewrite left alone, so that the first value that differs tells
    the rewritten region at fault.

    Args:
        a: The reference.
        b: The model that should compute the same.
        settings: Inputs and bounds; None for the defaults.

    Raises:
        UsageError: The models are of two dialects, or do not go together.
        MissingExtraError: The runtime is not installed.
        ModelFileError: A file is no model, or its runtime refuses it or dies of it.
    """
    from npulint.verification.regions import first_sample

    return first_sample(_path(a), _path(b), settings or Settings())


def _path(model: Path | str | Model) -> Path:
    return Path(model) if isinstance(model, (str, Path)) else model.path
