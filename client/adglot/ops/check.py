"""Check a node against its entry in the op table, and a graph that came from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument, Violation
from adglot.ir import DEFAULT_LIMITS, DTYPES, Attribute, Graph, Limits, Type, validate
from adglot.ops.core import TABLE, Op
from adglot.stopping import may_stop


def check(graph: Graph, limits: Limits = DEFAULT_LIMITS) -> Graph:
    """The graph with all types inferred; InvalidArgument names every fault and its place."""
    return validate(graph, infer_node, limits)


def infer_node(
    name: str, operands: Sequence[Type], attributes: Mapping[str, Attribute]
) -> tuple[Type, ...]:
    """The output types of one node whose attributes and operands come from outside."""
    may_stop()
    op = lookup(name)
    faults = [*_arity_faults(op, len(operands)), *_attribute_faults(op, attributes)]
    if faults:
        raise InvalidArgument(faults)
    try:
        return op.output_types(operands, attributes)
    except InvalidArgument as error:
        raise InvalidArgument(
            Violation(v.field, f"{name}: {v.description}") for v in error.violations
        ) from None


def lookup(name: str) -> Op:
    """The entry of that name; InvalidArgument suggests the nearest one."""
    if name in TABLE:
        return TABLE[name]
    close = get_close_matches(name, TABLE, 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise InvalidArgument(Violation("op", f"unknown op {name!r}{hint}"))


def _arity_faults(op: Op, count: int) -> list[Violation]:
    if op.operands and op.operands[-1].startswith("*"):
        least = len(op.operands) - 1
        right, expected = count >= least, f"at least {least}"
    else:
        right, expected = count == len(op.operands), str(len(op.operands))
    return [] if right else [Violation("operands", f"{op.name} takes {expected}, got {count}")]


def _attribute_faults(op: Op, attributes: Mapping[str, Attribute]) -> list[Violation]:
    known = {attr.name: attr for attr in op.attributes}
    faults = [
        Violation(f"attributes.{key}", f"{op.name} has no such attribute; it takes {list(known)}")
        for key in attributes.keys() - known.keys()
    ]
    for name, attr in known.items():
        if name not in attributes:
            faults.append(Violation(f"attributes.{name}", f"missing: {attr.doc}"))
        elif not KINDS[attr.kind](attributes[name]):
            got = type(attributes[name]).__name__
            faults.append(Violation(f"attributes.{name}", f"expected {attr.kind}, got {got}"))
    return faults


def _is(*classes: type) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, classes) and (bool in classes or not isinstance(value, bool))
    )


KINDS: dict[str, Callable[[Any], bool]] = {
    "bool": _is(bool),
    "int": _is(int),
    "float": _is(float),
    "complex": _is(complex),
    "str": _is(str),
    "dtype": lambda value: isinstance(value, str) and value in DTYPES,
    "ints": lambda value: isinstance(value, tuple) and all(map(_is(int), value)),
    "tensor": _is(np.ndarray),
    "graph": _is(Graph),
}
"""What an attribute of each kind must be."""
