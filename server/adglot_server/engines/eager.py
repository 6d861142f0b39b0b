"""Control flow in plain Python, for packages that run a graph on concrete values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any

import numpy as np

from adglot.ir import Type
from adglot.ops.control.bodies import split
from adglot.ops.core import Array
from adglot_server.engines.walk import Walk


def control_flow(
    decide: Callable[[Any], bool],
    stack: Callable[[list[Any]], Any],
    constant: Callable[[Array], Any],
) -> Mapping[str, Callable[..., Any]]:
    """The entries of a `Language`'s table for cond, scan and while_loop.

    `decide` gives the truth of a scalar, `stack` joins some arrays along a new first axis,
    `constant` is the language's.
    """

    def joined(type: Type, parts: list[Any]) -> Any:
        return stack(parts) if parts else constant(np.zeros((0, *type.shape), type.dtype))

    def cond(predicate: Any, *operands: Any, if_true: Walk, if_false: Walk) -> list[Any]:
        return (if_true if decide(predicate) else if_false)(operands)

    def scan(
        *operands: Any, body: Walk, length: int, reverse: bool, consts: int, carries: int
    ) -> list[Any]:
        fixed, state, xs = split(operands, consts, carries)
        stacks: list[list[Any]] = [[] for _ in body.output_types[carries:]]
        for i in reversed(range(length)) if reverse else range(length):
            state, ys = split(body([*fixed, *state, *(x[i] for x in xs)]), carries)
            for parts, y in zip(stacks, ys, strict=True):
                parts.append(y)
        ordered = [parts[::-1] if reverse else parts for parts in stacks]
        return [*state, *map(joined, body.output_types[carries:], ordered)]

    def while_loop(
        *operands: Any, condition: Walk, body: Walk, consts: int, max_steps: int
    ) -> list[Any]:
        fixed, state = split(operands, consts)
        for _ in repeat(None, max_steps) if max_steps else repeat(None):
            if not decide(condition([*fixed, *state])[0]):
                break
            state = body([*fixed, *state])
        return state

    return {"cond": cond, "scan": scan, "while_loop": while_loop}
