"""How ONNX Runtime and LiteRT cut a graph for what is plugged into them, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.opsets.relations import listed
from npulint.reports.wording import plural

if TYPE_CHECKING:
    from npulint.opsets.table import Partitioning


def plugging(rules: Partitioning) -> str:
    """How LiteRT cuts for one of its compiler plugins."""
    said = [
        f"LiteRT cuts in the order of the file: `{rules.runs_on}` gets every run of neighbouring "
        "nodes that the plugin takes, of any length, whether or not one reads the other, and each "
        "node that it does not take ends a piece. What cannot be compiled keeps the whole model "
        "back.",
    ]
    if rules.types:
        said.append(
            f"So does a tensor at any operator whose type is not {listed(rules.types, 'or')}."
        )
    if rules.needs_input:
        said.append("So does a piece that reads nothing but what is stored.")
    return " ".join(said)


def providing(rules: Partitioning) -> str:
    """How ONNX Runtime cuts for one of its providers."""
    said = [
        "ONNX Runtime computes what is constant and takes out what has no effect, and of the rest "
        f"`{rules.runs_on}` gets all that it takes, in waves: each ends where an operator that it "
        "does not take reads what the wave has made.",
    ]
    if rules.quantised_units:
        said.append(
            "An operator and the DequantizeLinear and QuantizeLinear around it are taken as one."
        )
    if rules.min_nodes > 1:
        said.append(f"Pieces of fewer than {plural(rules.min_nodes, 'node')} stay behind.")
    if rules.not_alone:
        said.append(f"A piece of one {listed(rules.not_alone, 'or')} stays behind.")
    if rules.needs_input:
        said.append("A piece that reads nothing but what is stored stays behind.")
    if rules.stops:
        said.append(f"{listed(rules.stops, 'and')} and all that follows stays behind.")
    for op, others in rules.only_behind.items():
        said.append(f"{op} is taken only right behind {listed(others, 'or')} that is taken.")
    if rules.quantised_inside:
        names = listed(rules.quantised_inside, "and")
        said.append(f"{names} of bare uint8 are taken only where the piece itself has made it.")
    if rules.bodies_refused:
        said.append("Nothing is taken of the graphs that If, Loop and Scan run.")
    return " ".join(said)
