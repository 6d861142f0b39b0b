"""NumPy's everyday functions, each written once in terms of ops; they disappear while tracing.

`COMPOSITES` has them by NumPy's public dotted names, `ALIASES` says which op a NumPy or SciPy
name is. Each module is one kind of function. May import `adglot.ops`, `adglot.ir`, `adglot.errors`.
"""

from adglot.ops.composites import (
    averages,
    bessel,
    calculus,
    complexes,
    contraction,
    creation,
    elementwise,
    fourier,
    indexing,
    joining,
    linalg,
    polynomials,
    products,
    reductions,
    shapes,
    sorting,
    special,
    updates,
)
from adglot.ops.composites.aliases import ALIASES
from adglot.ops.composites.indexing import getitem
from adglot.ops.composites.registry import COMPOSITES, composite
from adglot.ops.composites.updates import setitem

__all__ = [
    "ALIASES",
    "COMPOSITES",
    "averages",
    "bessel",
    "calculus",
    "complexes",
    "composite",
    "contraction",
    "creation",
    "elementwise",
    "fourier",
    "getitem",
    "indexing",
    "joining",
    "linalg",
    "polynomials",
    "products",
    "reductions",
    "setitem",
    "shapes",
    "sorting",
    "special",
    "updates",
]
