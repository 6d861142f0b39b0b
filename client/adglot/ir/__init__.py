"""The graph as data: types, nodes, guards, trees, validation, digest and text form.

Knows NumPy and `adglot.errors`, nothing else: no ops, no protobuf, no grpc.
"""

from adglot.ir.graph import OPSET, Attribute, Graph, Guard, Node
from adglot.ir.tree import LEAF, Tree, flatten, leaves_like, paths, unflatten
from adglot.ir.types import DTYPES, Type, as_array
from adglot.ir.validation import DEFAULT_LIMITS, Limits, validate

__all__ = [
    "DEFAULT_LIMITS",
    "DTYPES",
    "LEAF",
    "OPSET",
    "Attribute",
    "Graph",
    "Guard",
    "Limits",
    "Node",
    "Tree",
    "Type",
    "as_array",
    "flatten",
    "leaves_like",
    "paths",
    "unflatten",
    "validate",
]
