"""Evaluate a graph with the table's NumPy functions: the reference, without any optimisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot.ir import Graph, Node
from adglot.ops.core import TABLE, Array, Attributes, Op


def evaluate(graph: Graph, inputs: Sequence[Any]) -> list[Array]:
    """The outputs of a graph at these inputs. Guards are not checked."""
    values = [np.asarray(x) for x in inputs]
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            values += evaluate_node(node, [values[i] for i in node.operands])
    return [values[i] for i in graph.outputs]


def evaluate_node(node: Node, operands: Sequence[Array]) -> list[Array]:
    """The outputs of one node."""
    return evaluate_op(TABLE[node.op], operands, node.attributes)


def evaluate_op(op: Op, operands: Sequence[Array], attributes: Attributes) -> list[Array]:
    """The outputs of one op."""
    run = (evaluate,) if op.higher_order else ()
    result = op.evaluate(*run, *operands, **attributes)
    results = result if isinstance(result, tuple) else (result,)
    return [np.asarray(array) for array in results]
