"""NumPy's everyday functions, each written once in terms of ops; they disappear while tracing.

`COMPOSITES` has them by NumPy's public dotted names, `ALIASES` says which op a NumPy or SciPy
name is. Each module is one kind of function. May import `adglot.ops`, `adglot.ir`, `adglot.errors`.
"""

from adglot.ops.composites import (
    contraction,
    elementwise,
    indexing,
    joining,
    products,
    reductions,
    shapes,
)
from adglot.ops.composites.aliases import ALIASES
from adglot.ops.composites.indexing import getitem
from adglot.ops.composites.registry import COMPOSITES, composite

__all__ = [
    "ALIASES",
    "COMPOSITES",
    "composite",
    "contraction",
    "elementwise",
    "getitem",
    "indexing",
    "joining",
    "products",
    "reductions",
    "shapes",
]
