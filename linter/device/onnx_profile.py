"""What ONNX Runtime's profiler writes (`SessionOptions.enable_profiling`): events in JSON.

The form is that of microsoft/onnxruntime core/common/profiler.cc (Chrome's trace events) and
core/framework/sequential_executor.cc (`op_name` and `provider` of each kernel); versions before
1.10 have events about fences beside each kernel, which count for nothing here.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from npulint.device.records import Latency, Placed, ProfileRow, Session, Statistics
from npulint.device.text import finite

Event: TypeAlias = Mapping[str, Any]

_KERNEL = "_kernel_time"
_LOADING = ("model_loading_", "session_initialization")
_RUN = "model_run"
_KINDS = frozenset({"Session", "Node"})


@dataclass(slots=True)
class _Kernel:
    """One node, each time that it ran."""

    op: str
    name: str
    provider: str
    times: list[float] = field(default_factory=list)


def is_profile(document: object) -> bool:
    """Whether a JSON document is such a profile."""
    return isinstance(document, list) and any(
        isinstance(each, dict) and each.get("cat") in _KINDS and each.get("ph") == "X"
        for each in document
    )


def read_profile(document: Iterable[object]) -> Session:
    """Read a profile.

    Args:
        document: Its events; what is none is passed over.

    Returns:
        Latency over all runs, time by node, and which provider ran what.
    """
    told = ((each, _lasted(each)) for each in document if isinstance(each, dict))
    events = [(each, took) for each, took in told if took is not None]
    runs = [took for each, took in events if each.get("name") == _RUN]
    loading = [took for each, took in events if str(each.get("name")).startswith(_LOADING)]
    kernels = list(_kernels(events))
    session = Session(formats={"onnxruntime-profile": None})
    session.latency = Latency(
        initialisation=sum(loading) if loading else None,
        first=runs[0] if runs else None,
        inference=_statistics(runs) if runs else None,
    )
    session.profile = list(_rows(kernels, max(1, len(runs))))
    by_provider: dict[str, list[tuple[str, str]]] = {}
    for kernel in kernels:
        by_provider.setdefault(kernel.provider, []).append((kernel.op, kernel.name))
    session.placed = [
        Placed(provider, len(nodes), tuple(nodes))
        for provider, nodes in by_provider.items()
        if provider
    ]
    return session


def _lasted(event: Event) -> float | None:
    """How long an event took in microseconds; None for what is no event with a duration."""
    took = finite(event.get("dur"))
    return took if event.get("ph") == "X" and took is not None and took >= 0 else None


def _kernels(events: Iterable[tuple[Event, float]]) -> Iterator[_Kernel]:
    """Nodes in the order in which they first ran."""
    found: dict[tuple[str, str, str], _Kernel] = {}
    for event, took in events:
        name, about = event.get("name"), event.get("args")
        if event.get("cat") != "Node" or not isinstance(name, str) or not isinstance(about, dict):
            continue
        op, provider = about.get("op_name"), about.get("provider", "")
        if name.endswith(_KERNEL) and isinstance(op, str) and isinstance(provider, str):
            key = (op, name.removesuffix(_KERNEL), provider)
            found.setdefault(key, _Kernel(*key)).times.append(took)
    yield from found.values()


def _rows(kernels: list[_Kernel], runs: int) -> Iterator[ProfileRow]:
    """Time by node. The runtime's numbers are those of the graph that it made, not the file's."""
    total = sum(sum(kernel.times) for kernel in kernels)
    for kernel in kernels:
        took = sum(kernel.times)
        yield ProfileRow(
            kernel.op,
            first=kernel.times[0] / 1e3,
            average=took / runs / 1e3,
            share=took / total if total else 0.0,
            kilobytes=0.0,
            calls=round(len(kernel.times) / runs),
            name=kernel.name,
            node=None,
            inside=False,
        )


def _statistics(runs: list[float]) -> Statistics:
    return Statistics(
        len(runs),
        first=runs[0],
        last=runs[-1],
        minimum=min(runs),
        maximum=max(runs),
        average=statistics.fmean(runs),
        deviation=statistics.pstdev(runs),
        median=statistics.median(runs),
    )
