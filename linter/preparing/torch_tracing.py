"""Networks as `torch.fx` graphs, also where their code asks for sizes.

`torch.fx` stops where code decides by a size, as in `if height % 8` or `range(len(maps))`. Here
every node is computed along on tensors without elements, so that a size is known, the decision is
taken as it is taken for the example, and a node is left in the graph that refuses other sizes: the
traced network computes the same, or says that it does not. What is decided by the elements of a
tensor cannot be traced.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.graph_module import _USER_PRESERVED_ATTRIBUTES_KEY
from torch.fx.proxy import Attribute, TraceError

from npulint.preparing.torch_blocks import held
from npulint.preparing.torch_exporting import first_line

if TYPE_CHECKING:
    from npulint.preparing.torch_exporting import Shapes

_UNKNOWN = object()

DECIDED = "; its code decides by sizes, and it refuses those for which it would decide otherwise"
"""What is said of a network whose code was traced for some sizes only."""

_PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """The code of a module as a graph.

    Attributes:
        graph: Its nodes.
        values: What each node makes of the example: tensors without elements, sizes, numbers.
            Nodes of which that is not known are not among them.
        decided: Whether sizes decided anything, which are the only ones that are taken then.
    """

    graph: fx.Graph
    values: dict[fx.Node, Any] = field(default_factory=dict)
    decided: bool = False


def trace(
    module: nn.Module,
    shapes: Shapes,
    leaf: Callable[[nn.Module], bool],
    dtypes: Sequence[torch.dtype] = (),
) -> Traced | str:
    """Trace a module's code, the same in training and outside of it.

    Args:
        module: The module; it stays as it is.
        shapes: Of the tensors that it is called with.
        leaf: Whether a module within is called rather than gone into.
        dtypes: Of these tensors, where they are not all of the type of the module's weights.

    Returns:
        The graph, or why there is none.
    """
    modes = {name: each.training for name, each in module.named_modules()}
    found = []
    try:
        for training in (True, False):
            module.train(training)
            found.append(_traced(module, shapes, leaf, dtypes))
    except Exception as error:
        return first_line(error)
    finally:
        for name, each in module.named_modules():
            each.training = modes[name]
    one, other = (each.graph.python_code("self").src for each in found)
    return found[1] if one == other else "in training, its code is another"


def as_module(root: nn.Module, graph: fx.Graph) -> fx.GraphModule:
    """A module of a traced graph that has everything that another has under the same names.

    Args:
        root: Whose code was traced.
        graph: What it was traced to.
    """
    for node in graph.nodes:
        # PyTorch's exporter would tell modules by what tracing noted, and annotations that are
        # strings cannot be saved.
        node.meta.clear()
        node.type = None
    graph._tracer_cls = fx.Tracer  # Which one reads the code again when it is loaded.
    made = fx.GraphModule(root, graph, type(root).__name__)
    made._modules = dict(root._modules)
    made._parameters = dict(root._parameters)
    made._buffers = dict(root._buffers)
    made._non_persistent_buffers_set = set(root._non_persistent_buffers_set)
    made.training = root.training
    # A copy of a GraphModule has what its code uses only, and what is named here.
    read = {str(node.target).partition(".")[0] for node in graph.nodes}
    named = {**root._modules, **root._parameters, **root._buffers}
    made.meta[_USER_PRESERVED_ATTRIBUTES_KEY] = {
        name: each for name, each in named.items() if name not in read and each is not None
    }
    return made


def _traced(
    module: nn.Module,
    shapes: Shapes,
    leaf: Callable[[nn.Module], bool],
    dtypes: Sequence[torch.dtype],
) -> Traced:
    """Trace a module in the mode in which it is.

    Raises:
        TraceError: Its code does what cannot be traced.
    """
    tracer = _Tracer(leaf, _empty(module, shapes, dtypes))
    # What the code sets of its attributes is set of a copy, and told by that; a traced one sets
    # nothing, and its copies are others.
    shadow = module if isinstance(module, fx.GraphModule) else copy.copy(module)
    graph = tracer.trace(shadow, _unpassed(module, len(shapes)))
    before, after = vars(module), vars(shadow)
    if any(name not in before or before[name] is not each for name, each in after.items()):
        raise TraceError("its code makes tensors of its own, or changes its attributes")
    named = {name for name, _ in (*module.named_parameters(), *module.named_buffers())}
    if any(node.op == "get_attr" and node.target not in named for node in graph.nodes):
        raise TraceError("its code reads tensors that are neither parameters nor buffers")
    return Traced(graph, tracer.values, tracer.decided)


def _empty(
    module: nn.Module, shapes: Shapes, dtypes: Sequence[torch.dtype]
) -> tuple[torch.Tensor, ...]:
    """Tensors without elements, of the type and on the device of the weights."""
    held_ = [each for each in module.parameters() if each.is_floating_point()]
    like = held_[0] if held_ else torch.zeros(())
    types = dtypes or [like.dtype] * len(shapes)
    with FakeTensorMode(allow_non_fake_inputs=True):
        return tuple(
            torch.empty(
                shape,
                dtype=like.dtype if dtype.is_floating_point else dtype,
                device=like.device,
            )
            for shape, dtype in zip(shapes, types, strict=True)
        )


def _unpassed(module: nn.Module, count: int) -> dict[str, Any] | None:
    """The defaults of what a module is not called with: they are part of how it is called.

    Raises:
        TraceError: A default is no plain value, so that no other could be refused.
    """
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = list(inspect.signature(type(module).forward).parameters.values())[1:]
    left = [each for each in parameters if each.kind in positional][count:]
    left += [each for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY]
    for each in left:
        if not isinstance(each.default, _PLAIN):
            raise TraceError(f"it is called without {each.name}")
    return {each.name: each.default for each in left} or None


class _Known:
    """What Python asks of a number or a list, from what is known of a node."""

    node: fx.Node
    tracer: Any

    def __len__(self) -> int:
        return int(self.tracer.length(self))

    def __index__(self) -> int:
        return int(self.tracer.decide(self, int))

    def __int__(self) -> int:
        return int(self.tracer.decide(self, int))

    def __float__(self) -> float:
        return float(self.tracer.decide(self, float))

    def __getattr__(self, name: str) -> Any:
        return _KnownAttribute(self, name)


class _KnownProxy(_Known, fx.Proxy):
    """A value of the traced code."""


class _KnownAttribute(_Known, Attribute):
    """An attribute of one, such as its shape."""


class _Tracer(fx.Tracer):
    """Traces and computes along.

    Args:
        leaf: Whether a module is called rather than gone into.
        inputs: What the code is called with, without elements.

    Attributes:
        values: See `Traced`.
        decided: Likewise.
    """

    def __init__(self, leaf: Callable[[nn.Module], bool], inputs: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self.proxy_buffer_attributes = True
        self.values: dict[fx.Node, Any] = {}
        self.decided = False
        self._leaf = leaf
        self._inputs = list(inputs)
        self._aside = False

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        del module_qualified_name
        return self._leaf(m)

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _KnownProxy(node, self)

    def create_proxy(self, *args: Any, **kwargs: Any) -> Any:
        made = super().create_proxy(*args, **kwargs)
        value = self._computed(made.node)
        if value is not _UNKNOWN:
            self.values[made.node] = value
        return made

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        if self._aside:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: Any) -> Any:
        if self._aside:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def to_bool(self, obj: fx.Proxy) -> bool:
        return bool(self.decide(obj, bool))

    def iter(self, obj: fx.Proxy) -> Iterator[Any]:
        return (obj[place] for place in range(self.length(obj)))

    def decide(self, asked: Any, of: Callable[[Any], Any]) -> Any:
        """What is known of a value as Python asks for it, which the graph then holds to.

        Raises:
            TraceError: It is not known, or hangs on the elements of a tensor.
        """
        known = of(self._plain(asked))
        self.decided = True
        self.create_proxy("call_function", held, (asked, known), {})
        return known

    def length(self, asked: Any) -> int:
        """How many there are of something, which the graph then holds to."""
        known = self.values.get(asked.node, _UNKNOWN)
        if known is _UNKNOWN:
            raise TraceError("its code counts what is not known before it runs")
        count = self.create_proxy("call_function", len, (asked,), {})
        return int(self.decide(count, int))

    def _plain(self, asked: Any) -> Any:
        known = self.values.get(asked.node, _UNKNOWN)
        if known is _UNKNOWN or isinstance(known, torch.Tensor):
            raise TraceError("its code decides by the elements of a tensor")
        return known

    def _computed(self, node: fx.Node) -> Any:
        """What a node makes of the example, where that can be known."""
        if node.op == "placeholder":
            return self._passed(str(node.target), node.args)
        self._aside = True
        try:
            with FakeTensorMode(allow_non_fake_inputs=True) as mode, torch.no_grad():
                del mode
                return self._run(node)
        except Exception:
            return _UNKNOWN
        finally:
            self._aside = False

    def _passed(self, name: str, default: tuple[Any, ...]) -> Any:
        if name.startswith("**"):
            return {}
        if name.startswith("*"):
            rest, self._inputs = tuple(self._inputs), []
            return rest
        if self._inputs:
            return self._inputs.pop(0)
        return default[0] if default else _UNKNOWN

    def _run(self, node: fx.Node) -> Any:
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda each: self.values[each])
        if node.op == "get_attr":
            found: Any = self.root
            for name in str(node.target).split("."):
                found = getattr(found, name)
            return found
        if node.op == "call_function":
            return node.target(*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        if node.op == "call_module":
            return self.root.get_submodule(str(node.target))(*args, **kwargs)
        return _UNKNOWN
