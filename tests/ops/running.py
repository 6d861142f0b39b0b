"""Functions of Values as graphs, and their derivatives by the native engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot import ops
from adglot.ir import Graph, Type
from adglot.ops.core import Array, Value
from adglot_server.engines.native import NativeEngine
from adglot_server.executors.interpreter import Interpreter
from adglot_server.transforms.batch import batch
from adglot_server.transforms.operators import Request

Function = Callable[..., Value]


def graph_of(function: Function, *arrays: Any) -> Graph:
    builder = ops.Builder()
    inputs = [builder.input(Type.of(x)) for x in arrays]
    return builder.build(inputs, [function(*inputs)])


def evaluate(function: Function, *arrays: Any) -> Array:
    """Its value at these arrays, by the interpreter."""
    inputs = [np.asarray(x) for x in arrays]
    (y,) = Interpreter(graph_of(function, *inputs)).run(inputs)
    return y


def derive(operator: str, function: Function, *arrays: Any, **request: Any) -> Array:
    """The gradient, Jacobian or Hessian for the first input."""
    inputs = [np.asarray(x) for x in arrays]
    prepared = NativeEngine().prepare(graph_of(function, *inputs), Request(operator, **request))
    return np.asarray(prepared.run(inputs)[prepared.values])


def batched(function: Function, arrays: Sequence[Any], flags: Sequence[bool], size: int) -> Array:
    """Its values where the flagged arrays have a leading axis of points."""
    inputs = [np.asarray(x) for x in arrays]
    one = graph_of(function, *(x[0] if on else x for x, on in zip(inputs, flags, strict=True)))
    (y,) = Interpreter(batch(one, flags, size, [True])[0]).run(inputs)
    return y
