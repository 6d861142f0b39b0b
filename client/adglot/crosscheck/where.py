"""Where a row of the table of conventions speaks: masks over the block that differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adglot.calls import Array
from adglot.crosscheck.alone import Alone
from adglot.crosscheck.recording import kink

At = Callable[[Alone], Array]
"""Which components of the block that differs are at a row's points; one bool for all of them."""


def everywhere(node: Alone) -> Array:
    return np.array(True)


def somewhere(test: Callable[..., Any]) -> At:
    """All components, where the operands and attributes of the node are at a point."""
    return lambda node: np.array(np.any(test(*node.operands, **node.node.attributes)))


def elements(test: Callable[..., Any]) -> At:
    """The components of an elementwise op that are made of an element at a point."""
    return lambda node: _elements(node, test(*node.operands, **node.node.attributes))


def matrices(test: Callable[..., Any]) -> At:
    """The components that belong to a matrix at a point, of a stack."""

    def at(node: Alone) -> Array:
        found = np.asarray(test(*node.operands, **node.node.attributes))
        return found.reshape(found.shape + (1,) * (node.differing[0].ndim - found.ndim))

    return at


def _elements(node: Alone, mask: Any) -> Array:
    """A mask of an elementwise op's results as one of the block: of results, or of an operand."""
    whole = np.broadcast_to(mask, _common_shape(node))
    shape = node.differing[0].shape
    kept = np.logical_or.reduce(whole, axis=tuple(range(whole.ndim - len(shape))))
    single = tuple(i for i, n in enumerate(shape) if n == 1)
    return np.asarray(np.logical_or.reduce(kept, axis=single, keepdims=True))


def untaken(node: Alone) -> Array:
    """The components whose result is not used: they have no cotangent."""
    unused = [ct == 0 for ct in node.seeds if ct is not None] if node.probe.reverse else []
    if len(unused) == 1 and _elementwise(node, unused[0].shape):
        return _elements(node, unused[0])
    return np.array(any(map(np.any, unused)))


def _elementwise(node: Alone, shape: tuple[int, ...]) -> bool:
    mixing = node.node.op == "matmul" or node.node.op.startswith(("linalg.", "cumulative_"))
    return not mixing and shape == _common_shape(node)


def _common_shape(node: Alone) -> tuple[int, ...]:
    return np.broadcast_shapes(*(x.shape for x in node.operands))


def minus_zero(node: Alone) -> Array:
    floats = (x for x in node.operands if x.dtype.kind == "f")
    return np.array(any(np.any((x == 0) & np.signbit(x)) for x in floats))


def at_kink(node: Alone) -> Array:
    return np.array(kink(node.node, node.operands) is not None)


def singular(a: Any) -> Any:
    return np.linalg.matrix_rank(a) < a.shape[-1]


def equal_neighbours(values: Any) -> Any:
    gaps = np.abs(np.diff(values, axis=-1))
    return np.any(gaps <= 1e-8 * np.abs(values).max(initial=1.0), axis=-1)
