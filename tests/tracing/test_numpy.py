"""NumPy functions run unchanged and give what NumPy gives."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from .agreement import agree

V = np.array([0.5, -1.25, 2.0])
W = np.array([1.5, 0.75, -3.0])
P = np.array([0.25, 1.5, 2.75])
M = np.array([[2.0, 0.5, -1.0], [-1.0, 3.0, 0.25]])
N = np.array([3, -4, 5])
B = np.array([True, False, True])

UNARY = [
    *(np.negative, np.positive, np.absolute, np.fabs, np.sign, np.exp, np.expm1, np.sin, np.cos),
    *(np.tan, np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh, np.floor, np.ceil, np.rint),
    *(np.trunc, np.square, np.isfinite, np.isnan, np.isinf, np.deg2rad, np.rad2deg, np.exp2),
    *(np.conjugate, np.real, np.imag, np.logical_not, np.sinc, np.cbrt),
]
POSITIVE = [np.log, np.log1p, np.log2, np.log10, np.sqrt, np.reciprocal]
BINARY = [
    *(np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.arctan2, np.hypot),
    *(np.logaddexp, np.remainder, np.floor_divide, np.fmax, np.fmin, np.less, np.less_equal),
    *(np.greater, np.greater_equal, np.equal, np.not_equal, np.logical_and, np.logical_or),
    *(np.logical_xor, np.heaviside, np.mod),
]


@pytest.mark.parametrize("ufunc", UNARY, ids=lambda f: f.__name__)
def test_unary_ufuncs(ufunc: Any) -> None:
    agree(ufunc, V)
    agree(ufunc, M)


@pytest.mark.parametrize("ufunc", POSITIVE, ids=lambda f: f.__name__)
def test_unary_ufuncs_of_positive_numbers(ufunc: Any) -> None:
    agree(ufunc, P)


@pytest.mark.parametrize("ufunc", BINARY, ids=lambda f: f.__name__)
def test_binary_ufuncs(ufunc: Any) -> None:
    agree(ufunc, V, W)
    agree(lambda x: ufunc(x, 2.0), V)
    agree(lambda x: ufunc(W, x), V)
    agree(lambda x: ufunc(np.float64(1.5), x), M)
    agree(lambda x: ufunc(x, [1.0, 2.0, 3.0]), V)


@pytest.mark.parametrize(
    "function",
    [special.erf, special.erfc, special.gammaln, special.digamma, special.psi, special.expit],
    ids=lambda f: f.__name__,
)
def test_special_ufuncs_of_scipy(function: Any) -> None:
    agree(function, P)


OPERATORS: dict[str, Callable[..., Any]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "//": lambda x, y: x // y,
    "%": lambda x, y: x % y,
    "divmod": divmod,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
    "==": lambda x, y: x == y,
    "!=": lambda x, y: x != y,
}


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
def test_operators(operator: Callable[..., Any]) -> None:
    agree(operator, V, W)
    agree(lambda x: operator(x, 2), V)
    agree(lambda x: operator(3.0, x), V)
    agree(lambda x: operator(x, W), V)
    agree(lambda x: operator(W, x), V)
    agree(lambda x: operator(np.float64(3.0), x), V)
    agree(lambda x: operator(x[0], x[1]), V)
    agree(operator, N, np.array([2, 3, -2]))


def test_powers() -> None:
    for exponent in (0, 1, 2, 3, -1, 0.5, 2.5, 2.0, np.float64(3.0)):
        agree(lambda x, n=exponent: x**n, P)
        agree(lambda x, n=exponent: np.power(x, n), P)
    agree(lambda x: 2**x, V)
    agree(lambda x, y: x**y, P, V)
    agree(lambda x: x**2, N)


def test_matrix_products() -> None:
    agree(lambda a, x: a @ x, M, V)
    agree(lambda a: a @ M.T, M)
    agree(lambda a: M.T @ a, M)
    agree(np.dot, M, V)
    agree(lambda x: x.dot(W), V)
    agree(np.matmul, M.T, M)


def test_logic_on_bools() -> None:
    agree(lambda x: (x > 0) & ~(x > 1) | (x < -1), V)
    agree(lambda x: (x > 0) ^ B, V)
    agree(lambda b: b | True, B)
    agree(lambda x: (x < 1) * 30 * x, V)
    agree(lambda x: (np.sum(x) == 0) * 1e-64, V)


METHODS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda a: (a.sum(), a.sum(axis=0), a.sum(1, keepdims=True)),
    "mean": lambda a: (a.mean(), a.mean(axis=-1)),
    "prod": lambda a: (a.prod(), a.prod(axis=(0, 1))),
    "std var": lambda a: (a.std(), a.var(axis=0, ddof=1)),
    "max min": lambda a: (a.max(), a.min(axis=1)),
    "argmax argmin": lambda a: (a.argmax(), a.argmin(axis=0)),
    "cumsum cumprod": lambda a: (a.cumsum(), a.cumsum(axis=1), a.cumprod(axis=0)),
    "all any": lambda a: ((a > 0).all(), (a > 0).any(axis=0)),
    "reshape": lambda a: (a.reshape(3, 2), a.reshape((6,)), a.reshape(-1, order="F")),
    "transpose": lambda a: (a.transpose(), a.transpose(1, 0), a.transpose((0, 1)), a.T, a.mT),
    "ravel flatten": lambda a: (a.ravel(), a.flatten(), a.flatten("F")),
    "clip round": lambda a: (a.clip(0, 1), a.clip(None, 1), a.round(), a.round(1)),
    "take repeat": lambda a: (a.take([0, 2]), a.take(1, axis=1), a.repeat(2), a.repeat(2, axis=0)),
    "squeeze swapaxes": lambda a: (a[None].squeeze(0), a.swapaxes(0, 1)),
    "diagonal trace": lambda a: (a.diagonal(), a.diagonal(1), a.trace()),
    "astype": lambda a: (a.astype(np.float32), a.astype(int), a.astype(complex), a.astype("f8")),
    "copy conj": lambda a: (a.copy(), a.conj(), a.conjugate(), a.real, a.imag),
    "sort": lambda a: (np.sort(a), np.sort(a, axis=0), a.argsort(axis=1)),
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_methods(method: Callable[[Any], Any]) -> None:
    agree(method, M)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sums": lambda a: (np.sum(a), np.sum(a, axis=1), np.prod(a), np.mean(a, axis=0)),
    "stacks": lambda a: (np.stack([a, 2 * a]), np.vstack([a, a]), np.hstack([a, a[:, :1]])),
    "concatenate": lambda a: (np.concatenate([a, a]), np.concatenate((a, M), axis=1)),
    "columns": lambda a: np.column_stack([a[0], a[1], [1.0, 2.0, 3.0]]),
    "splits": lambda a: (np.split(a, 3, axis=1), np.array_split(a[0], 2), np.hsplit(a, [1])),
    "shapes": lambda a: (np.reshape(a, (3, 2)), np.ravel(a), np.transpose(a), np.moveaxis(a, 0, 1)),
    "axes": lambda a: (np.expand_dims(a, 1), np.squeeze(a[:1]), np.atleast_2d(a[0])),
    "where": lambda a: (np.where(a > 0, a, 0.0), np.where(a > 0, 1.0, a), np.clip(a, 0, None)),
    "flips": lambda a: (np.flip(a), np.flip(a, 0), np.roll(a, 1), np.tile(a, (2, 1))),
    "products": lambda a: (np.outer(a[0], a[1]), np.inner(a[0], a[1]), np.kron(a, a)),
    "tensordot": lambda a: (np.tensordot(a, a, axes=([1], [1])), np.einsum("ij,kj->ik", a, a)),
    "cross": lambda a: np.cross(a[0], a[1]),
    "diag": lambda a: (np.diag(a[0]), np.diagonal(a), np.trace(a), np.tril(a), np.triu(a)),
    "diff": lambda a: (np.diff(a), np.diff(a, axis=0), np.cumsum(a), np.cumprod(a, axis=1)),
    "median": lambda a: (np.median(a), np.percentile(a, 30), np.ptp(a), np.average(a, axis=0)),
    "norms": lambda a: (np.linalg.norm(a), np.linalg.norm(a, axis=1), np.linalg.norm(a[0], 1)),
    "linalg": lambda a: (np.linalg.inv(a[:, :2]), np.linalg.det(a[:, :2])),
    "solve": lambda a: np.linalg.solve(a[:, :2], a[:, 2]),
    "nan": lambda a: (np.nansum(a), np.nanmax(a), np.nan_to_num(a)),
    "interp": lambda a: np.interp(a[0], [0.0, 1.0, 3.0], [0.0, 2.0, 1.0]),
    "polyval": lambda a: np.polyval([1.0, -2.0, 0.5], a),
    "like": lambda a: (np.zeros_like(a), np.ones_like(a), np.full_like(a, 2.5)),
    "maxima": lambda a: (np.max(a, axis=0), np.amin(a), np.maximum.reduce(a)),
    "ufunc methods": lambda a: (
        *(np.add.reduce(a), np.multiply.reduce(a, axis=1), np.add.accumulate(a, axis=1)),
        *(np.add.outer(a[0], a[1]), np.subtract.outer([1.0, 2.0], a[0])),
    ),
    "dtype": lambda a: (np.sum(a, dtype=np.float32), np.multiply(a, 2, dtype=np.float32)),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions(function: Callable[[Any], Any]) -> None:
    agree(function, M)


def test_questions_about_types_are_static() -> None:
    def f(x: Any) -> Any:
        assert np.shape(x) == x.shape == (2, 3)
        assert np.ndim(x) == x.ndim == 2
        assert np.size(x) == x.size == 6
        assert len(x) == 2
        assert x.nbytes == 48
        assert x.itemsize == 8
        assert not np.iscomplexobj(x)
        assert np.result_type(x, np.float32) == np.float64
        assert np.can_cast(x, np.complex128)
        assert np.iterable(x)
        assert not np.iterable(x[0, 0])
        assert np.isscalar(x[0, 0])
        assert not np.isscalar(x)
        assert f"{x[0, 0]:.3f}" != ""
        assert isinstance(repr(x), str)
        assert f"{x}" == str(x) == np.array2string(x)
        return x * len(x)

    assert not agree(f, M).guards


def test_isinstance_takes_the_branch_that_it_takes_in_numpy() -> None:
    def f(x: Any) -> Any:
        assert isinstance(x, np.ndarray)
        assert not isinstance(x, np.generic | float | list)
        assert isinstance(x[0], np.float64 | int)
        assert isinstance(x[0], float)
        assert isinstance(x[0], numbers.Real)
        assert not isinstance(x[0], np.ndarray)
        assert isinstance(x.sum() > 0, np.bool)
        assert isinstance(x[0, ...], np.ndarray)
        assert isinstance(x[:1].reshape(()), np.ndarray)
        assert not isinstance(np.argmax(x), float)
        return x

    agree(f, V)


LISTS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda x: np.sum([xi**2 for xi in x]),
    "mean": lambda x: np.mean((x[0], 2.0, x[1])),
    "max": lambda x: (np.max([x[0], 1.0]), np.amin([x[0], x[1]]), np.argmax([x[0], x[1]])),
    "rows": lambda x: (np.sum([x, x], axis=0), np.prod([[x[0], 1], [2, x[1]]], axis=1)),
    "dot": lambda x: (np.dot([x[0], 1.0], [2.0, x[1]]), np.dot([1.0, 2.0, 3.0], x)),
    "norm": lambda x: (np.linalg.norm([x[0], x[1]]), np.linalg.det([[x[0], 1], [0, x[1]]])),
    "cumsum": lambda x: (np.cumsum([x[0], 1]), np.sort([x[1], x[0]]), np.diff([x[0], x[1], 3])),
    "stack": lambda x: (np.stack([x, x]), np.concatenate([[x[0]], x]), np.hstack([x[0], x])),
    "full": lambda x: (np.full(3, x[0]), np.full_like(np.zeros(2), x[1]), np.full((2, 3), x)),
    "brackets": lambda x: (np.r_[x[0], x, 0.0], np.c_[x, x]),
}


@pytest.mark.parametrize("function", LISTS.values(), ids=LISTS)
def test_lists_of_traced_values(function: Callable[[Any], Any]) -> None:
    agree(function, V)


def test_python_numbers() -> None:
    agree(lambda x: abs(x[1]) + round(x[0], 1), V)
    agree(lambda x: (math.floor(x[0]), math.ceil(x[0]), math.trunc(x[0]), round(x[0])), V)
    agree(lambda x: sum(x), V)
    agree(lambda x: sum(xi**2 for xi in x), V)


def test_arrays_from_traced_elements() -> None:
    agree(lambda x: np.array([x[0], 2.0, x[1] * x[2]]), V)
    agree(lambda x: np.asarray([[x[0], 0], [1, x[1]]]), V)
    agree(lambda x: np.array([x, x]), V)
    agree(lambda x: np.array(x, dtype=np.float32, ndmin=2), V)
    agree(lambda x: np.asanyarray(x).sum(), V)
    agree(lambda x: np.ascontiguousarray(x.T), M)


def test_complex_numbers() -> None:
    z = V + 1j * W
    agree(lambda z: (z * np.conj(z)).real, z)
    agree(lambda z: (np.real(z), np.imag(z), abs(z), np.exp(z), z**2, z.real.sum()), z)
    agree(lambda x: 1j * x + 2, V)


def test_a_plain_array_on_the_left() -> None:
    agree(lambda x: W + x * W - W / x, V)
    agree(lambda x: M @ x, V)
    agree(lambda x: (x >= W) | (x <= W), V)
    agree(lambda x: 2.0 - x, V)


NEW_ARRAYS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "full_like": (lambda x, v: np.full_like(x, 2.5), "float64 float32 int64"),
    "full_like, a row": (lambda x, v: np.full_like(x, v), "float64 float32 int64"),
    "full_like, dtype": (lambda x, v: np.full_like(x, 1, np.complex128), "float64 float32 int64"),
    "full_like, shape": (lambda x, v: np.full_like(x, 1, shape=3), "float64 float32 int64"),
    "zeros_like": (lambda x, v: np.zeros_like(x), "float64 float32 int64 bool"),
    "zeros_like, dtype": (lambda x, v: np.zeros_like(x, np.int64), "float64 float32 int64 bool"),
    "zeros_like, shape": (lambda x, v: np.zeros_like(x, shape=(2, 2)), "float64 int64 bool"),
    "ones_like": (lambda x, v: np.ones_like(x), "float64 float32 int64 bool"),
    "ones_like, dtype": (lambda x, v: np.ones_like(x, np.int64), "float64 float32 int64 bool"),
    "ones_like, shape": (lambda x, v: np.ones_like(x, shape=(2, 2)), "float64 int64 bool"),
    "full": (lambda x, v: np.full(3, v[0]), "float64 float32"),
    "full, a row": (lambda x, v: np.full((2, 3), v), "float64 float32"),
    "full, dtype": (lambda x, v: np.full((2,), v[0], np.complex128), "float64 float32"),
    "copy": (lambda x, v: np.copy(x), "float64 float32"),
    "of lists": (lambda x, v: (np.zeros_like([v[0], v[1]]), np.copy([v[0], 2.0])), "float64"),
}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, dtype) for name, (_, dtypes) in NEW_ARRAYS.items() for dtype in dtypes.split()],
)
def test_new_arrays_like_traced_ones(name: str, dtype: str) -> None:
    agree(NEW_ARRAYS[name][0], M.astype(dtype), V.astype(dtype))
