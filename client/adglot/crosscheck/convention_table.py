"""The rows of the table of conventions: data, each row with the source of every answer.

Rows are tried in order. What packages answer was observed with the versions that the ranges begin
with; tests observe it again on those installed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adglot.crosscheck.conventions import Answer, Row
from adglot.crosscheck.julia_answers import JULIA
from adglot.crosscheck.where import (
    at_kink,
    elements,
    equal_neighbours,
    everywhere,
    matrices,
    minus_zero,
    singular,
    somewhere,
    untaken,
)

JAX, TORCH, AUTOGRAD, CASADI, SYMPY = ">=0.10", ">=2.13", ">=1.8", ">=3.8", ">=1.14"

OPS = "https://github.com/HIPS/autograd/blob/master/autograd/numpy/numpy_vjps.py"
SPECIAL = "https://github.com/HIPS/autograd/blob/master/autograd/scipy/special.py"
SOLVES = "https://github.com/HIPS/autograd/blob/master/autograd/scipy/linalg.py"
LINALG = "https://github.com/HIPS/autograd/blob/master/autograd/numpy/linalg.py"
JAX_FAQ = "https://docs.jax.dev/en/latest/faq.html#gradients-contain-nan-where-using-where"
LAX = "https://github.com/jax-ml/jax/blob/main/jax/_src/lax/lax.py"
JAX_ISSUES = "https://github.com/jax-ml/jax/issues/"
TORCH_NOTES = (
    "https://docs.pytorch.org/docs/stable/notes/autograd.html"
    "#gradients-for-non-differentiable-functions"
)
TORCH_ISSUES = "https://github.com/pytorch/pytorch/issues/"
TORCH_LINALG = "https://docs.pytorch.org/docs/stable/generated/torch.linalg."
TORCH_SPECIAL = "https://docs.pytorch.org/docs/stable/special.html#torch.special."
CASADI_ZEROS = "https://github.com/casadi/casadi/issues/1595"
CASADI_RULES = "https://github.com/casadi/casadi/blob/main/casadi/core/calculus.hpp"
SYMPY_POWERS = "https://github.com/sympy/sympy/blob/master/sympy/core/power.py"
SYMPY_ANGLES = (
    "https://github.com/sympy/sympy/blob/master/sympy/functions/elementary/trigonometric.py"
)
SYMPY_BRANCHES = (
    "https://github.com/sympy/sympy/blob/master/sympy/functions/elementary/piecewise.py"
)
SYMPY_SIGN = "https://docs.sympy.org/latest/modules/functions/elementary.html#sign"
OURS = "its own entry says so: adglot ops OP"


def _native(answer: str) -> Answer:
    return Answer("native", "", answer, OURS)


def _jax(answer: str, source: str, limitation: bool = False) -> Answer:
    return Answer("jax", JAX, answer, source, limitation)


def _torch(answer: str, source: str = TORCH_NOTES, limitation: bool = False) -> Answer:
    return Answer("torch", TORCH, answer, source, limitation)


def _autograd(answer: str, source: str = OPS, limitation: bool = False) -> Answer:
    return Answer("autograd", AUTOGRAD, answer, source, limitation)


def _casadi(answer: str, source: str) -> Answer:
    return Answer("casadi", CASADI, answer, source)


def _sympy(answer: str, source: str) -> Answer:
    return Answer("symbolic", SYMPY, answer, source)


_ROWS: tuple[Row, ...] = (
    # ------------------------------------------------------------------ elementwise kinks
    Row(
        "abs-at-0", ("abs",), "x = 0", elements(lambda x: x == 0),
        (
            _native("zero"),
            _jax("between", JAX_ISSUES + "37820"),
            _torch("zero"),
            _autograd("zero"),
        ),
        "any slope from -1 to 1; jax takes that from above",
    ),
    Row(
        "ties", ("maximum", "minimum", "max", "min"), "several elements are the extreme one",
        at_kink,
        (_native("between"), _jax("between", JAX_ISSUES + "37821"), _torch("between"),
         _autograd("between")),
        "the derivative is split in any way among those that tie, clip's bounds included",
    ),
    Row(
        "sign-at-0", ("sign",), "x = 0", elements(lambda x: x == 0),
        (_native("zero"), _sympy("infinite", SYMPY_SIGN)),
        "the slope is 0 on both sides; SymPy's is twice Dirac's delta, which evaluates to Inf",
    ),
    Row(
        "norm-at-0", ("hypot",), "x1 = x2 = 0", elements(lambda x1, x2: (x1 == 0) & (x2 == 0)),
        (
            _native("zero"),
            _jax("between", JAX_ISSUES + "3058"),
            _torch("nan"),
            _autograd("nan"),
            _casadi("nan", CASADI_ZEROS),
            _sympy("nan", SYMPY_POWERS),
        ),
        "a cone has every slope there from -1 to 1; those who divide by the norm get 0 / 0",
    ),
    Row(
        "sqrt-at-0", ("sqrt",), "x = 0", elements(lambda x: x == 0),
        (
            _native("zero"),
            _native("infinite"),
            _jax("nan", JAX_ISSUES + "21723"),
            _torch("nan"),
            _autograd("nan"),
            _casadi("zero", CASADI_RULES),
            _sympy("zero", SYMPY_BRANCHES),
        ),
        "the slope is infinite, and times the zero that where gives an untaken branch it is NaN, "
        "but 0 for adglot; Enzyme says 0 of the slope itself",
    ),
    Row(
        "remainder-at-integers", ("remainder", "floor_divide"), "x1 is a multiple of x2",
        at_kink,
        (_native("between"), _jax("between", LAX), _torch("between"),
         _autograd("between")),
        "the value jumps there; the derivative of either side is taken",
    ),
    Row(
        "pow-at-0", ("pow",), "x1 = 0", elements(lambda x1, x2: x1 == 0),
        (
            _native("number"),
            _jax("nan", JAX_ISSUES + "12409"),
            _jax("number", JAX_ISSUES + "12409"),
            _torch("number"),
            _autograd("number"),
            _casadi("nonfinite", CASADI_RULES),
            _sympy("nonfinite", SYMPY_POWERS),
        ),
        "x**0 is 1 for every x: its slope is 0, but x2 * x1**(x2 - 1) is 0 * inf; and 0**y has no "
        "slope by y at y = 0",
    ),
    Row(
        "pow-of-negatives", ("pow",), "x1 < 0, derivative by x2",
        elements(lambda x1, x2: np.real(x1) < 0),
        (_native("nan"), _jax("nan", JAX_ISSUES + "6024"), _torch("nan"), _autograd("nan")),
        "(-2)**y is real for integers only, so it has no slope by y",
    ),
    Row(
        "atan2-at-origin", ("atan2",), "x1 = x2 = 0",
        elements(lambda x1, x2: (x1 == 0) & (x2 == 0)),
        (
            _native("zero"),
            _jax("nan", JAX_ISSUES + "1052"),
            _torch("zero"),
            _torch("nan"),
            _autograd("nan"),
            _casadi("nan", CASADI_ZEROS),
            _sympy("nan", SYMPY_ANGLES),
        ),
        "the angle of no direction: 0 / 0 for those who divide; torch's two modes differ",
    ),
    Row(
        "logaddexp-at-minus-inf", ("logaddexp",), "x1 = x2 are infinite",
        elements(lambda x1, x2: (x1 == x2) & np.isinf(x1)),
        (
            _native("finite"),
            _jax("any", LAX),
            _torch("nan"),
            _autograd("nan"),
            _casadi("finite", CASADI_RULES),
            _sympy("nan", SYMPY_POWERS),
        ),
        "a softmax of two that are equally improbable: a half each, or inf - inf",
    ),
    Row(
        "iv-at-0", ("special.iv",), "x = 0", elements(lambda x, order: (x == 0) & (order == 0)),
        (_jax("finite", JAX_ISSUES + "37820", limitation=True),),
        "i0 is smooth, with slope 0; jax has it as exp(|x|) i0e(x), and takes |x| from above",
    ),
    Row(
        "ive-at-0", ("special.ive",), "x = 0", elements(lambda x, order: x == 0),
        (_native("between"), _torch("between"), _autograd("nan", SPECIAL)),
        "exp(-|x|) has a kink; autograd divides by x",
    ),
    Row(
        "sign-of-complex", ("sign",), "x is complex", somewhere(np.iscomplexobj),
        (_jax("zero", LAX, limitation=True), _autograd("zero", OPS, limitation=True)),
        "x / |x| turns with x, but the sign's derivative is always 0 in some packages",
    ),
    Row(
        "trigamma", ("special.digamma", "special.polygamma"), "everywhere", everywhere,
        (_native("rough"), _torch("rough", TORCH_SPECIAL + "polygamma", limitation=True)),
        "torch's polygamma is right to ten digits only",
    ),
    # ------------------------------------------------------------------ reductions
    Row(
        "prod-with-zeros", ("prod", "cumulative_prod"), "a factor is 0",
        somewhere(lambda x, **attributes: x == 0),
        (_autograd("nan", "https://github.com/HIPS/autograd/issues/378", limitation=True),),
        "the derivative is the product of the other factors; autograd divides by the one",
    ),
    # ------------------------------------------------------------------ matrices
    Row(
        "eigh-of-equals", ("linalg.eigh",), "two eigenvalues are equal",
        matrices(lambda a: equal_neighbours(np.linalg.eigvalsh(a))),
        (
            _native("any"),
            _jax("any", "https://docs.jax.dev/en/latest/_autosummary/jax.lax.linalg.eigh.html"),
            _torch("any", TORCH_LINALG + "eigh.html"),
            _autograd("any", LINALG),
        ),
        "eigenvectors of equal eigenvalues turn freely, so they have no derivative",
    ),
    Row(
        "eigh-of-symmetric", ("linalg.eigh",), "everywhere", everywhere,
        (
            _native("between"),
            _jax("symmetric", "https://docs.jax.dev/en/latest/_autosummary/jax.lax.linalg.eigh.html"),
            _torch("symmetric", TORCH_LINALG + "eigh.html"),
            _torch("taken as symmetric", TORCH_LINALG + "eigh.html"),
            _autograd("between", LINALG),
        ),
        "the op reads one triangle: the cotangent stands in it alone, or is spread evenly on both; "
        "torch's pushforward wants a symmetric tangent",
    ),
    Row(
        "cholesky-of-symmetric", ("linalg.cholesky",), "everywhere", everywhere,
        (
            _native("between"),
            _jax(
                "symmetric",
                "https://docs.jax.dev/en/latest/_autosummary/jax.lax.linalg.cholesky.html",
            ),
            _torch("symmetric", TORCH_LINALG + "cholesky.html"),
            _torch("taken as symmetric", TORCH_LINALG + "cholesky.html"),
            _autograd("symmetric", LINALG),
        ),
        "the op reads one triangle: the cotangent stands in it alone, or is spread evenly on both; "
        "torch's pushforward wants a symmetric tangent",
    ),
    Row(
        "phases-of-vectors", ("linalg.eig", "linalg.eigh", "linalg.svd"), "everywhere",
        everywhere,
        (
            _native("turned"),
            _jax("turned", JAX_ISSUES + "2748"),
            _torch("turned", TORCH_LINALG + "eig.html"),
            _autograd("turned", LINALG),
        ),
        "a vector times any number of modulus 1 is as good: signs and phases are LAPACK's choice, "
        "and a derivative may turn them or leave them",
    ),
    Row(
        "svd-of-complex", ("linalg.svd",), "a complex matrix",
        somewhere(lambda a, **_: np.iscomplexobj(a)),
        (_native("turned"), _autograd("finite", LINALG, limitation=True)),
        "autograd turns pairs of vectors by 2 s^2 times what is needed: right only for functions "
        "that do not depend on phases",
    ),
    Row(
        "cholesky-of-complex", ("linalg.cholesky",), "a complex matrix",
        somewhere(np.iscomplexobj),
        (
            _autograd("finite", LINALG, limitation=True),
            _torch("finite", TORCH_LINALG + "cholesky.html", limitation=True),
        ),
        "autograd transposes where it has to conjugate, too; torch's cotangent is right for "
        "Hermitian matrices only",
    ),
    Row(
        "slogdet-of-complex", ("linalg.slogdet",), "a complex matrix", somewhere(np.iscomplexobj),
        (_autograd("signless", LINALG, limitation=True),),
        "autograd has no derivative of the sign, which turns with a complex matrix",
    ),
    Row(
        "unit-diagonal", ("linalg.triangular_solve",), "unit_diagonal is set",
        somewhere(lambda a, b, *, unit_diagonal, **_: unit_diagonal),
        (_autograd("finite", SOLVES, limitation=True),),
        "autograd's derivative solves with the diagonal that the matrix has",
    ),
    Row(
        "eig-of-equals", ("linalg.eig",), "two eigenvalues are equal",
        at_kink,
        (
            _native("any"),
            _jax("any", JAX_ISSUES + "2748"),
            _torch("any", TORCH_LINALG + "eig.html"),
            _autograd("any", LINALG),
        ),
        "eigenvectors of equal eigenvalues turn freely, so they have no derivative",
    ),
    Row(
        "det-of-singular", ("linalg.det",), "a singular matrix", matrices(singular),
        (
            _torch("vanishing", TORCH_ISSUES + "104675", limitation=True),
            _jax("vanishing", JAX_ISSUES + "2380", limitation=True),
        ),
        "det is a polynomial, its derivative the adjugate; torch multiplies by det = 0, as jax may",
    ),
    Row(
        "slogdet-of-singular", ("linalg.slogdet",), "a singular matrix", matrices(singular),
        (
            _jax("any", JAX_ISSUES + "2380"),
            _torch("any", TORCH_LINALG + "slogdet.html"),
        ),
        "the logarithm is -inf: there is no derivative",
    ),
    Row(
        "svd-of-equals", ("linalg.svd",), "two singular values are equal, or one is 0",
        matrices(lambda a, **attributes: equal_neighbours(np.linalg.svd(a, compute_uv=False))),
        (
            _native("any"),
            _jax("any", "https://docs.jax.dev/en/latest/_autosummary/jax.lax.linalg.svd.html"),
            _torch("any", TORCH_LINALG + "svd.html"),
            _autograd("any", LINALG),
        ),
        "singular vectors of equal singular values turn freely; some miss the values' slopes, too",
    ),
    # ------------------------------------------------------------------ branches
    Row(
        "zero-times-infinity", (), "another component is at a kink", at_kink,
        (_native("finite"),),
        "an infinite slope times the zeros of a unit vector is NaN, and spoils what it is added to",
    ),
    Row(
        "where-untaken", (), "the result is not used, and the slope not finite", untaken,
        (
            _native("zero"),
            _jax("nan", JAX_FAQ),
            _torch("nan", TORCH_ISSUES + "68425"),
            _autograd("nan", OPS),
            _casadi("zero", CASADI_RULES),
            _sympy("zero", SYMPY_BRANCHES),
        ),
        "0 * inf: adglot lets nothing of the untaken branch through; norms and sinc are guarded "
        "for every engine",
    ),
    Row(
        "where-at-boundary", ("where",), "the condition changes", everywhere,
        (_native("between"), _jax("between", JAX_FAQ), _torch("between"), _autograd("between")),
        "the derivative is that of the branch taken, also where the other one begins",
    ),
    Row(
        "complex-vjp", (), "an operand is complex",
        lambda node: np.array(any(map(np.iscomplexobj, node.operands))),
        (
            _native("between"),
            _jax("between", "https://docs.jax.dev/en/latest/advanced-autodiff.html"),
            _torch("between", "https://docs.pytorch.org/docs/stable/notes/autograd.html"),
            _autograd("between", "https://github.com/HIPS/autograd/blob/master/docs/tutorial.md"),
        ),
        "the adjoint for the real inner product, as in torch; what jax and autograd say is "
        "conjugated before it is compared",
    ),
    # ------------------------------------------------------------------ values
    Row(
        "zeros-without-sign", (), "an operand is -0.0", minus_zero,
        (Answer("extended", "", "unsigned", "docs/engines.md", limitation=True),),
        "numbers of many digits have one zero, so that atan2(0, -0.0) is 0 and not pi",
    ),
)  # fmt: skip

ROWS: tuple[Row, ...] = tuple(
    replace(row, answers=(*row.answers, *JULIA.get(row.id, ()))) for row in _ROWS
)
"""The rows, with the answers of the packages of Julia, which stand in a file of their own."""
