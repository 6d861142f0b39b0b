"""Calls of every composite: arrays are traced, everything else is static."""

from composites.cases.base import Case
from composites.cases.calculus import CALCULUS, COMPLEX, CREATION
from composites.cases.elementwise import ELEMENTWISE
from composites.cases.linear import FOURIER, LINALG
from composites.cases.products import EINSUM, PRODUCTS
from composites.cases.reductions import REDUCTIONS
from composites.cases.shapes import INDEXING, JOINING, SHAPES
from composites.cases.special import SPECIAL
from composites.cases.statistics import AVERAGES, SORTING

CASES: list[Case] = [
    *ELEMENTWISE,
    *REDUCTIONS,
    *SHAPES,
    *JOINING,
    *INDEXING,
    *PRODUCTS,
    *EINSUM,
    *SORTING,
    *AVERAGES,
    *CALCULUS,
    *CREATION,
    *COMPLEX,
    *LINALG,
    *FOURIER,
    *SPECIAL,
]

__all__ = ["CASES", "Case"]
