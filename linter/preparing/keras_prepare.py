"""`prepare`: a Keras network with what the chosen targets refuse realised otherwise."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npulint.cost import summarise
from npulint.errors import UsageError
from npulint.fixers.record import Exactness, Policy, Refusal
from npulint.preparing.arguments import asked_of, understood_allow
from npulint.preparing.keras_exporting import Asked, Converter, cost, float32, laid
from npulint.preparing.keras_places import SHARED, calls, leaves, rebuilt
from npulint.preparing.keras_roadmap import transform
from npulint.preparing.keras_ways import ways_of
from npulint.preparing.records import Left, Prepared, PrepareReport, Replacement
from npulint.preparing.transformations import Transformation, understood
from npulint.preparing.weighing import Form, Jury, macs_of, opinions, standings
from npulint.reference_models.keras_layers import keras

if TYPE_CHECKING:
    from npulint.fixers.choice import Answers
    from npulint.model import Model
    from npulint.preparing.keras_making import Way
    from npulint.preparing.weighing import Decision

_UNNAMED = "no way for layers of these classes, or the converter joined them"


def prepare(  # noqa: PLR0913 - one parameter an option
    model: Any,
    targets: Sequence[str] = (),
    *,
    input_shape: Sequence[int] | None = None,
    allow: Exactness = "exact",
    transformations: Sequence[str | Transformation] = (),
    progress: Callable[[str], None] | None = None,
) -> Prepared[Any]:
    """Rewrite a network so that what it is converted to is taken by the chosen targets.

    Every layer that has ways is converted by itself by `TFLiteConverter`, and where a target
    refuses what comes out, or is not known to take it, what may take its place is converted and
    asked about as well. Weights are carried over.

    Args:
        model: A functional or sequential network of one input; it stays as it is.
        targets: Names of targets and devices, or table files. With transformations there need be
            none: nothing else is done then.
        input_shape: The input's shape, `[1, H, W, C]`; the network's own when None.
        allow: The least exact realisations that may be used.
        transformations: What is wanted whatever the targets say, in this order: names of
            `npulint.preparing.transformations.SOURCES`, `NAME:PATTERN` for the layers of some
            paths, or `Transformation` for all that may be set.
        progress: Called with what is done next.

    Returns:
        A new network and the report.

    Raises:
        UsageError: An argument is not one of those that are accepted, or the network cannot be
            copied or converted.
        TargetError: A target is not known.
    """
    understood_allow(allow)
    steps = understood(transformations)
    asked = asked_of(targets, "network.tflite", beside=bool(steps))
    shape = _shape(model, input_shape)
    say = progress or _silence
    with tempfile.TemporaryDirectory(prefix="npulint-") as folder:
        converter = Converter(Path(folder))

        def converted(network: Any) -> tuple[Any, Model]:
            say("converting the network")
            return _converted(converter, network, shape)

        plain, first = converted(model)
        macs = summarise(first).macs
        jury = Jury(asked, Policy(allow=allow), (macs or 0) // 100)
        given, transformed, notes = transform(model, (plain, first), converted, steps)
        plain, before = given.plain, given.model
        places = _places(given.network, plain) if _doubtful(jury.answers([before])) else []
        say(f"asking about {len(places):,} layers and what may take their place")
        replacements = _decided(converter, jury, places)
        new = _rebuilt(given.network, places)
        after = converted(new)[1] if replacements else before
        answers = jury.answers([after])
        report = PrepareReport(
            transformations=transformed,
            replacements=tuple(replacements),
            left=_left(after, answers, places),
            before=standings(jury.answers([first])),
            after=standings(answers),
            cost_before=cost(model.layers, macs),
            cost_after=cost(new.layers, summarise(after).macs),
            notes=notes,
        )
        return Prepared(new, report)


def _silence(_: str) -> None:
    return None


def _shape(model: Any, given: Sequence[int] | None) -> tuple[int, ...]:
    if not isinstance(model, keras.Model):
        raise UsageError(f"{type(model).__name__} is no keras.Model")
    if type(model) is keras.Model or not hasattr(model, "inputs") or not model.inputs:
        raise UsageError("give a functional or sequential network")
    if len(model.inputs) != 1:
        raise UsageError(f"the network has {len(model.inputs)} inputs; one is accepted")
    shape = tuple(given or (1, *model.inputs[0].shape[1:]))
    if not all(isinstance(size, int) and size > 0 for size in shape):
        raise UsageError(f"input_shape {shape}: give sizes of 1 or more, all of them")
    return shape


def _converted(converter: Converter, model: Any, shape: tuple[int, ...]) -> tuple[Any, Model]:
    """The network in float32, and what it is converted to."""
    try:
        plain = float32(model, shape)
    except Exception as error:
        said = str(error).strip().partition("\n")[0]
        raise UsageError(f"the network cannot be copied: {said}") from error
    try:
        return plain, converter.whole(plain)
    except Exception as error:
        said = str(error).strip().partition("\n")[0]
        raise UsageError(f"the network cannot be converted: {said}") from error


def _doubtful(answers: Answers) -> bool:
    return any(each.status != "supported" for verdicts in answers.values() for each in verdicts)


@dataclass(slots=True, eq=False)
class _Place:
    """A layer, and what may take its place.

    Attributes:
        path: Where it stands.
        layer: Of the network.
        plain: The same in float32.
        shapes: Of what it is called with.
        ways: What may take its place.
        refusal: Why nothing may take its place, empty where something may.
        forms: What it and the ways are converted to.
        decision: What was chosen.
    """

    path: str
    layer: Any
    plain: Any
    shapes: tuple[tuple[int, ...], ...]
    ways: list[Way]
    refusal: str = ""
    forms: list[Form] = field(default_factory=list)
    decision: Decision | None = None


def _places(model: Any, plain: Any) -> list[_Place]:
    """The layers that have ways."""
    found = []
    for (path, layer), (_, copy) in zip(leaves(model), leaves(plain), strict=True):
        met = calls(copy)
        if not met or None in {size for call in met for size in call[1:]}:
            continue
        shapes = tuple(dict.fromkeys((1, *(size or 1 for size in call[1:])) for call in met))
        ways = ways_of(layer, shapes[0])
        if ways:
            refusal = SHARED if len(met) > 1 else ""
            found.append(_Place(path, layer, copy, shapes, ways, refusal))
    return found


def _decided(converter: Converter, jury: Jury, places: Sequence[_Place]) -> list[Replacement]:
    """Choose for each layer that some target does not take; alike ones are converted once."""
    alike: dict[Hashable, _Place] = {}
    weighed = [place for place in places if not place.refusal]
    for place in weighed:
        alike.setdefault(_key(place), place)
    _fill(converter, [(place, None) for place in alike.values()])
    doubted = [
        place for place in alike.values()
        if _doubtful(jury.answers(place.forms[0].models))
    ]  # fmt: skip
    _fill(converter, [(place, way) for place in doubted for way in place.ways])
    made = []
    for place in weighed:
        first = alike[_key(place)]
        if len(first.forms) == 1:
            continue
        place.forms = first.forms
        place.decision = jury.choose(place.forms[0], place.forms[1:])
        if place.decision.chosen is not None:
            made.append(_replacement(place, place.decision, place.decision.chosen))
    return made


def _key(place: _Place) -> Hashable:
    config = {name: each for name, each in place.layer.get_config().items() if name != "name"}
    names = tuple(
        (way.name, way.make.reason if isinstance(way.make, Refusal) else "") for way in place.ways
    )
    return type(place.layer).__name__, repr(config), place.shapes, names


def _fill(converter: Converter, wanted: Sequence[tuple[_Place, Way | None]]) -> None:
    """Convert layers as they are, or as ways make them, all in one go."""
    asked: list[Asked] = []
    for place, way in wanted:
        for shape in place.shapes:
            if way is None:
                config = place.plain.get_config()
                fresh = type(place.plain).from_config({**config, "name": None})
                asked.append(Asked(((fresh, place.plain.get_weights()),), shape))
            elif not isinstance(way.make, Refusal):
                asked.append(Asked(way.make("float32"), shape))
    models = iter(converter.parts(asked))
    for place, way in wanted:
        if way is not None and isinstance(way.make, Refusal):
            place.forms.append(Form(way.name, way.exactness, (), way.make.reason))
            continue
        name = type(place.layer).__name__ if way is None else way.name
        made = tuple(next(models) for _ in place.shapes)
        exactness = "exact" if way is None else way.exactness
        place.forms.append(Form(name, exactness, made, note="" if way is None else way.note))


def _replacement(place: _Place, decision: Decision, chosen: int) -> Replacement:
    way = place.ways[chosen]
    assert not isinstance(way.make, Refusal)
    parts = way.make("float32")
    laid(parts, keras.Input(batch_shape=place.shapes[0]))
    return Replacement(
        paths=(place.path,),
        what=type(place.layer).__name__,
        realisation=way.name,
        exactness=way.exactness,
        before=decision.before,
        after=decision.after,
        cost_before=cost([place.layer], macs_of(place.forms[0].models)),
        cost_after=cost([layer for layer, _ in parts], macs_of(place.forms[1 + chosen].models)),
        note=way.note,
        lost=decision.lost,
    )


def _rebuilt(model: Any, places: Sequence[_Place]) -> Any:
    """The network with what was chosen in place, and all other layers as they are."""
    chosen = {}
    for place in places:
        if place.decision is not None and place.decision.chosen is not None:
            make = place.ways[place.decision.chosen].make
            assert not isinstance(make, Refusal)
            chosen[id(place.layer)] = make, place.shapes[0]
    return rebuilt(model, chosen)


def _left(model: Model, answers: Answers, places: Sequence[_Place]) -> tuple[Left, ...]:
    """What some target still does not take, by the layers whose names the converter keeps."""
    graph = model.graphs[0]
    whose: Mapping[str, _Place] = {place.layer.name: place for place in places}
    found: dict[str, list[int]] = {}
    for node in graph.nodes:
        if any(verdicts[node.index].status != "supported" for verdicts in answers.values()):
            words = graph.values[node.outputs[0]].name.replace(";", "/").split("/")
            name = next((word for word in map(_unnumbered, words) if word in whose), "")
            found.setdefault(name, []).append(node.index)
    made = []
    for name, nodes in found.items():
        place = whose.get(name)
        decision = None if place is None else place.decision
        why = decision.why if decision is not None else ""
        said = {
            target: [verdicts[index] for index in nodes] for target, verdicts in answers.items()
        }
        made.append(
            Left(
                paths=(name if place is None else place.path,),
                what="layers" if place is None else type(place.layer).__name__,
                ops=tuple(dict.fromkeys(graph.nodes[index].op for index in nodes)),
                said=opinions(said),
                why=why or (place.refusal if place is not None else "") or _UNNAMED,
                lost=() if decision is None else decision.lost,
            )
        )
    return tuple(made)


def _unnumbered(word: str) -> str:
    """A layer's name as its network has it: a trace puts a number behind it."""
    name, _, number = word.rpartition("_")
    return name if name and number.isdigit() else word
