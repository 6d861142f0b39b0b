"""The op table: one entry an op, grouped by kind; importing this package fills `TABLE`.

Knows `adglot.ir` only. Everything else that speaks of ops (validation, tracing, transforms,
executors, engines, docs, tests) is derived from the table. ``ops.sin`` is ``TABLE["sin"]``.
"""

from adglot.ops import (
    arithmetic,
    bessel,
    binary,
    control,
    creation,
    cumulative,
    determinants,
    eigen,
    elementwise,
    factorizations,
    indexing,
    linalg,
    reduction,
    shape,
    sorting,
    special,
    windows,
)
from adglot.ops.check import check, infer_node
from adglot.ops.core import (
    TABLE,
    Absent,
    Attr,
    Builder,
    Linear,
    NonSmooth,
    Op,
    Placed,
    Sample,
    Value,
)
from adglot.ops.evaluation import evaluate, evaluate_node

__all__ = [
    "TABLE",
    "Absent",
    "Attr",
    "Builder",
    "Linear",
    "NonSmooth",
    "Op",
    "Placed",
    "Sample",
    "Value",
    "arithmetic",
    "bessel",
    "binary",
    "check",
    "control",
    "creation",
    "cumulative",
    "determinants",
    "eigen",
    "elementwise",
    "evaluate",
    "evaluate_node",
    "factorizations",
    "indexing",
    "infer_node",
    "linalg",
    "reduction",
    "shape",
    "sorting",
    "special",
    "windows",
]


def __getattr__(name: str) -> Op:
    try:
        return TABLE[name]
    except KeyError:
        raise AttributeError(f"there is no op {name!r}") from None
