"""One round over a network: what some target does not take is weighed and replaced."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import nn

from npulint.fixers.record import Refusal
from npulint.preparing import torch_norms
from npulint.preparing.records import Cost, Left, Lost, Replacement
from npulint.preparing.torch_graph import Pattern, patterns, traced, without_joins
from npulint.preparing.torch_places import (
    drawn,
    equal,
    objection,
    parameters_of,
    paths_of,
    replace,
    shared_tensors,
    weight_of,
)
from npulint.preparing.torch_tracing import DECIDED, as_module
from npulint.preparing.torch_ways import Site, Way, ways_of
from npulint.preparing.weighing import Form, macs_of, opinions

if TYPE_CHECKING:
    from npulint.fixers.choice import Answers
    from npulint.preparing.torch_exporting import Exported, Shapes
    from npulint.preparing.torch_workshop import Study, Workshop
    from npulint.preparing.weighing import Decision, Jury

_WRITTEN_OVER = (
    "it writes into what it is given, which is read again: give it a result of its own "
    "(inplace=False)"
)

_OWN_CODE = (
    "the network's own code computes it, and no layer does the same: write it as a module, or "
    "rewrite what is exported with `npulint fix`"
)


@dataclass(slots=True, eq=False)
class _Place:
    """Modules of the new network that are weighed together.

    Attributes:
        modules: The modules; the first is replaced.
        what: Their classes.
        own: What they are together.
        ways: What may take their place.
        calls: The shapes of the tensors of each call.
        pattern: The pattern that they make, None for one module.
        built: What the ways make, None for those that do not serve.
        decision: What was chosen.
    """

    modules: Sequence[nn.Module]
    what: str
    own: nn.Module
    ways: Sequence[Way]
    calls: tuple[Shapes, ...]
    pattern: Pattern | None = None
    built: list[nn.Module | None] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)


def replaced(work: Workshop, study: Study, jury: Jury) -> list[Replacement]:
    """Replace once what some target does not take and some way makes better.

    Args:
        work: The network; it is changed.
        study: What it is as it stands.
        jury: The targets.
    """
    doubted = doubtful(study.exported, jury.answers([study.exported.model]))
    if not doubted:
        return []
    places = [*_patterns(work, study, doubted), *_modules(work, study, doubted)]
    work.say(f"asking about {len(places):,} layers and what may take their place")
    _export(work, places)
    chosen: list[tuple[_Place, Decision]] = []
    covered: set[int] = set()
    for place in places:
        if covered.intersection(map(id, place.modules)):
            continue
        if not place.forms[0].models:
            _unweighed(work, place)
            continue
        decision = jury.choose(place.forms[0], place.forms[1:])
        if decision.chosen is None:
            if place.pattern is None:
                work.why[id(place.own)] = decision.why, decision.lost
            continue
        covered.update(map(id, place.modules))
        chosen.append((place, decision))
    return _apply(work, chosen)


def _unweighed(work: Workshop, place: _Place) -> None:
    """Say why a place of which nothing was exported stays."""
    if place.pattern is None:
        lost = tuple(Lost(form.name, form.why) for form in place.forms[1:])
        said = place.forms[0].why or "; ".join(f"{each.name}: {each.why}" for each in lost)
        work.why[id(place.own)] = said or "it is as plain as it can be", lost


def left(work: Workshop, study: Study, answers: Answers) -> tuple[Left, ...]:
    """What some target still does not take, alike layers together.

    Args:
        work: The network.
        study: What it is as it stands.
        answers: What the targets say of each of its nodes.
    """
    found: dict[tuple[str, str, tuple[Lost, ...]], list[tuple[str, list[int]]]] = {}
    for path, nodes in doubtful(study.exported, answers).items():
        module = work.new.get_submodule(path)
        why, lost = work.why.get(id(module), (_own_code(work, module), ()))
        where = path.rpartition(".")[0] if id(module) in work.lifted else path
        found.setdefault((_what(work, module), why, lost), []).append((where, nodes))
    graph = study.exported.model.graphs[0]
    made = []
    for (what, why, lost), members in found.items():
        nodes = [index for _, each in members for index in each]
        said = {
            target: [verdicts[index] for index in nodes] for target, verdicts in answers.items()
        }
        ops = tuple(dict.fromkeys(graph.nodes[index].op for index in nodes))
        paths = tuple(path for path, _ in members)
        made.append(Left(paths, what, ops, opinions(said), why, lost))
    return tuple(made)


def _what(work: Workshop, module: nn.Module) -> str:
    """The class of a layer, or the call that it does the work of."""
    called = work.lifted.get(id(module))
    return f"forward: {called}" if called else type(module).__name__


def _own_code(work: Workshop, module: nn.Module) -> str:
    """Why what a module's own code computes stays."""
    why = work.uncalled.get(id(module))
    return f"{_OWN_CODE}; its calls were not made layers: {why}" if why else _OWN_CODE


def doubtful(exported: Exported, answers: Answers) -> dict[str, list[int]]:
    """The nodes that some target does not take, by the modules that they were made by."""
    found: dict[str, list[int]] = {}
    for index, owner in enumerate(exported.owners):
        if any(verdicts[index].status != "supported" for verdicts in answers.values()):
            found.setdefault(owner, []).append(index)
    return found


def _modules(work: Workshop, study: Study, doubted: Mapping[str, list[int]]) -> Iterator[_Place]:
    """The modules that some target does not take, and of which nothing was decided before."""
    shared = shared_tensors(work.new)
    like = weight_of(work.new, work.inputs)
    sites: dict[int, tuple[nn.Module, Site]] = {}
    for path in doubted:
        module = work.new.get_submodule(path)
        if id(module) in work.why or id(module) in sites:
            continue
        shapes = study.calls.shapes.get(path, [])
        calls = tuple(each for each in shapes if each is not None)
        refusal = objection(module, shared)
        if not refusal and (len(calls) < len(shapes) or not calls):
            refusal = "it is called with something else than tensors, or by parts"
        if refusal:
            work.why[id(module)] = refusal, ()
        else:
            given = None
            if work.samples is not None:
                given = partial(work.samples.given, study.module, path)
            sites[id(module)] = module, Site(calls, like, given)
    met = [(module, site.calls[0]) for module, site in sites.values()]
    norms = torch_norms.read_all(work.exporter, met)
    written = _written_over(study, (path for path in doubted if _writes(work.new, path)))
    for module, site in sites.values():
        if written and getattr(module, "inplace", False):
            work.why[id(module)] = _WRITTEN_OVER, ()
            continue
        ways = _ways(work, module, site, norms)
        if isinstance(ways, str):
            work.why[id(module)] = ways, ()
        else:
            yield _Place([module], _what(work, module), module, ways, site.calls)


def _writes(module: nn.Module, path: str) -> bool:
    return bool(getattr(module.get_submodule(path), "inplace", False))


def _written_over(study: Study, paths: Iterable[str]) -> bool:
    """Whether anything else reads what some layers write into, as their replacements do not."""
    layers = [study.module.get_submodule(path) for path in paths]
    if not layers:
        return False
    inputs = drawn(study.inputs)
    with torch.no_grad():
        before = study.module(*[each.clone() for each in inputs])
        for layer in layers:
            layer.inplace = False
        after = study.module(*[each.clone() for each in inputs])
    for layer in layers:
        layer.inplace = True
    return not equal(before, after)


_Norms: TypeAlias = "Mapping[int, torch_norms.Norm | Refusal | None]"
"""What modules of the user's own normalise, by their identity."""


def _ways(work: Workshop, module: nn.Module, site: Site, norms: _Norms) -> list[Way] | str:
    """What may take a module's place, or why nothing does."""
    found = ways_of(module)
    if found is not None:
        return list(found(module, site))
    if next(module.children(), None) is not None:
        return _own_code(work, module)
    norm = norms.get(id(module))
    if isinstance(norm, Refusal):
        return norm.reason
    if norm is None:
        why = f"there is no way for a module of the class {type(module).__name__}"
        said = work.uncalled.get(id(module))
        return f"{why}, and its calls were not made layers: {said}" if said else why
    return list(torch_norms.ways(norm, site))


def _patterns(work: Workshop, study: Study, doubted: Mapping[str, list[int]]) -> Iterator[_Place]:
    """The patterns of several modules of which some target does not take all."""
    code = traced(study.module, work.inputs)
    if isinstance(code, str):
        work.notes[
            f"patterns of several layers were not looked for: torch.fx cannot trace it ({code})"
        ] = None
        return
    shared = shared_tensors(work.new)
    found = patterns(study.module, code.graph, study.calls, work.inputs)
    for pattern in found:
        modules = [work.new.get_submodule(path) for path in pattern.paths]
        if not doubted.keys() & {*pattern.paths, *pattern.beside}:
            continue
        if any(
            objection(module, shared) or len(paths_of(work.new, module)) > 1 for module in modules
        ):
            continue
        own = pattern.own(modules)
        way = Way(pattern.name, partial(pattern.make, modules))
        yield _Place(modules, pattern.what, own, [way], (pattern.shapes,), pattern)


def _export(work: Workshop, places: Sequence[_Place]) -> None:
    """Export each place as it is and as its ways make it, alike ones once."""
    asked: dict[Hashable, _Place] = {}
    bench: list[tuple[nn.Module, Shapes]] = []
    for place in places:
        place.built = [None if isinstance(way.make, Refusal) else way.make() for way in place.ways]
        if asked.setdefault(_key(place), place) is place:
            for module in _exported(place):
                if module is not None:
                    bench += [(module, shapes) for shapes in place.calls]
    models = iter(work.exporter.parts([m for m, _ in bench], [s for _, s in bench]))
    for place in asked.values():
        own = Way(place.what, Refusal(""))
        for way, module in zip((own, *place.ways), _exported(place), strict=True):
            if module is None:
                why = way.make.reason if isinstance(way.make, Refusal) else ""
                place.forms.append(Form(way.name, way.exactness, (), why))
                continue
            made = [next(models) for _ in place.calls]
            why = next((each for each in made if isinstance(each, str)), "")
            read = () if why else tuple(each for each in made if not isinstance(each, str))
            place.forms.append(Form(way.name, way.exactness, read, why, way.note))
    for place in places:
        place.forms = asked[_key(place)].forms


def _exported(place: _Place) -> list[nn.Module | None]:
    """What is exported of a place: nothing where nothing may take its place."""
    if not any(each is not None for each in place.built):
        return [None] * (1 + len(place.built))
    return [place.own, *place.built]


def _key(place: _Place) -> Hashable:
    """What tells places apart for which other things are exported."""
    names = tuple(
        (way.name, way.make.reason if isinstance(way.make, Refusal) else "") for way in place.ways
    )
    return place.what, repr(place.own), place.calls, names


def _apply(work: Workshop, chosen: Sequence[tuple[_Place, Decision]]) -> list[Replacement]:
    """Put what was chosen in place."""
    joins = {
        place.pattern.join: place.pattern.paths[0]
        for place, _ in chosen
        if place.pattern is not None and place.pattern.join
    }
    if joins:
        code = without_joins(work.new, joins, work.inputs)
        if isinstance(code, str):
            work.notes[f"joins stay before convolutions: {code}"] = None
            chosen = [each for each in chosen if not (each[0].pattern and each[0].pattern.join)]
        else:
            said = "it is a torch.fx.GraphModule now, since joins were taken out of its code"
            work.notes[said + DECIDED if code.decided else said] = None
            work.new = as_module(work.new, code.graph)
            work.inlined = True
    made = []
    for place, decision in chosen:
        new = place.built[decision.chosen or 0]
        if new is None:
            raise AssertionError("only chosen where it is built")
        way = place.ways[decision.chosen or 0]
        made.append(
            Replacement(
                paths=place.pattern.paths if place.pattern else paths_of(work.new, place.own),
                what=place.what,
                realisation=way.name,
                exactness=way.exactness,
                before=decision.before,
                after=decision.after,
                cost_before=_cost(place.own, place.forms[0]),
                cost_after=_cost(new, place.forms[1 + (decision.chosen or 0)]),
                note=way.note,
                lost=decision.lost,
            )
        )
        work.new = replace(work.new, place.modules[0], new)
        for rest in place.modules[1:]:
            work.new = replace(work.new, rest, nn.Identity())
    return made


def _cost(module: nn.Module, form: Form) -> Cost:
    return Cost(parameters_of(module), macs_of(form.models))
