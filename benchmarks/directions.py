"""The directions that the papers found, on our own data and with small networks.

    python benchmarks/directions.py -o docs/directions.md
    python benchmarks/directions.py --seeds 1      # of one seed, the page to the terminal
    python benchmarks/directions.py --finished     # runs nothing

Networks that differ in one thing are trained equally long, by the recipe of the narrow network
that they are variants of, and measured on what was held out from all training: upsampling and
rectifiers of a U-Net, instance norms of PyNET-V2. Some are quantised to 8 bits after training, by
the converter of `npulint inspect --quantize`. Every finished row goes into the file of records
with all that decides it, so that what was stopped goes on where it was. Each row takes about a
minute of one core. Exit code 0, whatever the directions are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent))

import directions_page
import numpy as np
from cattrs import structure, unstructure
from directions_networks import QUANTISED, SHIPPED, VARIANTS

from npulint.formats import load
from npulint.output import write_whole
from npulint.quantising.converting import Converter
from npulint.reference_models import catalogue
from npulint.reference_models.export import attempt
from npulint.reference_models.network import Network
from npulint.reference_models.recipe import FORMATS, Format, Recipe
from npulint.reference_models.trained import filled, from_file, record, shipped
from npulint.reference_models.training import pictures
from npulint.reference_models.training.degradations import DEGRADATIONS
from npulint.reference_models.training.measuring import Quality, held_out, measure
from npulint.reference_models.training.recipes import RECIPES, TrainingRecipe
from npulint.reference_models.training.samples import SIDE, samples
from npulint.reference_models.trial import run
from npulint.verification.sample_files import Named

RECORDS = Path(__file__).parent / "observations" / "directions.json"

SEEDS = 2

_RANGES = 16
"""Places of the training part that ranges of values are read from."""


@dataclass(frozen=True)
class EightBits:
    """A network after quantising.

    Attributes:
        form: The format of the file that was quantised.
        quality: On the photographs held out.
        converter: Name and version of what quantised it.
    """

    form: Format
    quality: Quality
    converter: str


@dataclass(frozen=True)
class Row:
    """One network from one seed.

    Attributes:
        network: A variant, or the network whose weights are shipped.
        seed: What weights and batches were drawn from.
        steps: For how long it was trained.
        made_by: A digest of all that decides the training.
        photographs: What it is worth on the photographs held out.
        scenes: And on the drawn scenes.
        eight_bits: After quantising, where that was done.
    """

    network: str
    seed: int
    steps: int
    made_by: str
    photographs: Quality
    scenes: Quality
    eight_bits: tuple[EightBits, ...] = ()


def define(name: str, size: tuple[int, int]) -> Network:
    """Write a variant down."""
    return VARIANTS[name].sketched(size)


def recipe_of(name: str, seed: int) -> TrainingRecipe:
    """How a variant is trained."""
    variant = VARIANTS[name]
    return replace(RECIPES[variant.like], network=name, steps=variant.steps, seed=seed)


def made_by(name: str, seed: int) -> str:
    """A digest of what decides a row: layers, recipe, degradation and pictures."""
    if name == SHIPPED:
        told: object = record(name)["weights"]["sha256"]
    else:
        recipe = recipe_of(name, seed)
        degradation = DEGRADATIONS[recipe.task]
        side = recipe.side // degradation.scale
        layers = [(step.name, str(step.layer)) for step in define(name, (side, side)).steps]
        told = [asdict(recipe), degradation.says, layers]
    said = json.dumps([told, pictures.digest(), _RANGES], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def made(name: str, seed: int) -> Row:
    """Train and measure."""
    if name == SHIPPED:
        return _shipped()
    from npulint.optimising import repeatable
    from npulint.reference_models.training.fitting import Training

    recipe = recipe_of(name, seed)
    with repeatable(recipe.threads), TemporaryDirectory() as folder:
        training = Training(recipe, define)
        while not training.done:
            training.step()
        found = held_out(training.run, samples("held-out", DEGRADATIONS[recipe.task]))
        eight: tuple[EightBits, ...] = ()
        if name == QUANTISED:
            from safetensors.numpy import save_file

            weights = Path(folder) / "weights.safetensors"
            save_file(training.arrays(), weights)
            network = filled(define(name, (SIDE, SIDE)), from_file(weights))
            eight = eight_bits(network, recipe.task, Path(folder))
    return Row(
        name,
        seed,
        recipe.steps,
        made_by(name, seed),
        found["photographs"],
        found["scenes"],
        eight,
    )


def _shipped() -> Row:
    """The network that is there already."""
    told = record(SHIPPED)
    network = filled(catalogue.define(SHIPPED, (SIDE, SIDE)), shipped(SHIPPED))
    with TemporaryDirectory() as folder:
        eight = eight_bits(network, told["task"], Path(folder))
    photographs, scenes = (Quality(**told["held_out"][kind]) for kind in ("photographs", "scenes"))
    seed = told["recipe"]["seed"]
    return Row(SHIPPED, seed, told["steps"], made_by(SHIPPED, seed), photographs, scenes, eight)


def eight_bits(network: Network, task: str, folder: Path) -> tuple[EightBits, ...]:
    """Quantise a network after training, with ranges of pictures that it was trained on."""
    known = list(samples("train", DEGRADATIONS[task]))
    given = [np.asarray(each.given, np.float32)[None] for each in known[:: len(known) // _RANGES]]
    places = [each for each in samples("held-out", DEGRADATIONS[task]) if not each.drawn]
    found = []
    for form in FORMATS:
        path = folder / f"float.{form}"
        path.write_bytes(attempt(network, Recipe(form)).demanded(network.name))
        model = load(path)
        port = model.graphs[0].values[model.graphs[0].inputs[0]].name
        arrays = given if form == "tflite" else [each.transpose(0, 3, 1, 2) for each in given]
        ranges = [
            Named(str(number), ("", number), {port: array}) for number, array in enumerate(arrays)
        ]
        converter, (file,) = Converter(model, ranges, folder / form).convert()
        found.append(EightBits(form, measure(partial(run, file), places), converter))
    return tuple(found)


def asked(seeds: int) -> Iterator[tuple[str, int]]:
    """Every row, one seed after the other, so that a part of them is worth something."""
    yield SHIPPED, record(SHIPPED)["recipe"]["seed"]
    for seed in range(seeds):
        for name in VARIANTS:
            yield name, seed


def recorded(path: Path) -> dict[tuple[str, int], Row]:
    """Rows of a file of records; none where there is no file."""
    if not path.exists():
        return {}
    rows = structure(json.loads(path.read_text(encoding="utf-8")), list[Row])
    return {(row.network, row.seed): row for row in rows}


def current(rows: dict[tuple[str, int], Row], seeds: int) -> list[Row]:
    """Those that are asked for and are decided by what decides them today."""
    found = (rows.get(each) for each in asked(seeds))
    return [row for row in found if row and row.made_by == made_by(row.network, row.seed)]


def main(arguments: Sequence[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("-o", "--output", type=Path, help="where the page goes")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="train from so many seeds")
    parser.add_argument("--records", type=Path, default=RECORDS, help="finished rows")
    parser.add_argument("--finished", action="store_true", help="run nothing, draw what is there")
    told = parser.parse_args(arguments)
    rows = recorded(told.records)
    kept = {(row.network, row.seed) for row in current(rows, told.seeds)}
    missing = [] if told.finished else [each for each in asked(told.seeds) if each not in kept]
    for number, (name, seed) in enumerate(missing, start=1):
        print(f"{number} of {len(missing)}: {name}, seed {seed}", file=sys.stderr)
        rows[name, seed] = made(name, seed)
        ordered = [unstructure(rows[each]) for each in sorted(rows)]
        write_whole(told.records, json.dumps(ordered, indent=1) + "\n")
    page = directions_page.page(current(rows, told.seeds))
    if told.output is None:
        sys.stdout.write(page)
    else:
        write_whole(told.output, page)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
