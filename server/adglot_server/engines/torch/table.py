"""Ops in PyTorch's functions: one line each, what a user of PyTorch would call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import linalg, special

from adglot.ops.core import Array
from adglot_server.engines.eager import control_flow
from adglot_server.engines.torch.lacks import REFUSALS
from adglot_server.engines.walk import Language

Ints = tuple[int, ...]

DTYPES: dict[str, Any] = {
    name: getattr(torch, name)
    for name in ["bool", "int32", "int64", "float32", "float64", "complex64", "complex128"]
}


def constant(array: Array) -> Any:
    """A tensor of its own memory: NumPy's may be read-only."""
    return torch.tensor(np.ascontiguousarray(array)).reshape(array.shape)


def cast(x: Any, dtype: np.dtype[Any]) -> Any:
    """NumPy's astype."""
    return x.to(DTYPES[dtype.name])


# ------------------------------------------------------------------ elementwise


def _at_least_float(function: Callable[..., Any]) -> Callable[..., Any]:
    """For functions that refuse what is an integer already."""
    return lambda x: function(x) if x.is_floating_point() or x.is_complex() else x


def _over_integers(function: Callable[..., Any]) -> Callable[..., Any]:
    """An integer division that is 0 over 0, as in NumPy; PyTorch's is an error."""

    def divided(x1: Any, x2: Any) -> Any:
        if x1.is_floating_point():
            return function(x1, x2)
        return torch.where(x2 == 0, 0, function(x1, torch.where(x2 == 0, 1, x2)))

    return divided


def _xdivy(x1: Any, x2: Any) -> Any:
    both = (x1 == 0) & (x2 == 0)
    return torch.where(both, 0, x1 / torch.where(both, 1, x2))


def _by_order(*functions: Callable[[Any], Any]) -> Callable[..., Any]:
    """The function of each order 0, 1, ... that there is."""
    return lambda x, order: functions[int(order)](x)


# ------------------------------------------------------------------ along axes


def _prod(x: Any, axes: Ints) -> Any:
    for axis in reversed(axes):
        x = torch.prod(x, axis)
    return x


def _extremum(function: Callable[..., Any]) -> Callable[..., Any]:
    """torch.amax and torch.amin take no axis for all axes."""
    return lambda x, axes: function(x, axes) if axes else x


def _sum(x: Any, axes: Ints) -> Any:
    return torch.sum(x, axes) if axes else x


def _truth(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduced(x: Any, axes: Ints) -> Any:
        x = x != 0
        for axis in reversed(axes):
            x = function(x, axis)
        return x

    return reduced


def _cumulative(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(x: Any, axis: int, reverse: bool) -> Any:
        return function(x.flip(axis), axis).flip(axis) if reverse else function(x, axis)

    return run


def _linear_recurrence(a: Any, b: Any, axis: int, reverse: bool) -> Any:
    steps = list(zip(a.unbind(axis), b.unbind(axis), strict=True))
    ys: list[Any] = []
    for factor, term in reversed(steps) if reverse else steps:
        ys.append(factor * ys[-1] + term if ys else term)
    return torch.stack(ys[::-1] if reverse else ys, axis)


# ------------------------------------------------------------------ shapes and indices


def _pad(x: Any, low: Ints, high: Ints, interior: Ints) -> Any:
    for axis, (n, between) in enumerate(zip(x.shape, interior, strict=True)):
        if between and n:
            spread = torch.nn.functional.pad(x.unsqueeze(axis + 1), _widths(x, axis, between))
            x = spread.flatten(axis, axis + 1).narrow(axis, 0, n + (n - 1) * between)
    pairs = zip(reversed(low), reversed(high), strict=True)
    return torch.nn.functional.pad(x, [width for pair in pairs for width in pair])


def _widths(x: Any, axis: int, between: int) -> list[int]:
    """Zeros behind each element of an axis, which has become the first of two."""
    return [0, 0] * (x.ndim - axis - 1) + [0, between]


def _slice(x: Any, start: Ints, stop: Ints, strides: Ints) -> Any:
    return x[tuple(map(slice, start, stop, strides))]


def _at(indices: Sequence[Any], axis: int) -> Any:
    return (*(np.s_[:],) * axis, *(index.long() for index in indices))


def _scatter(x: Any, updates: Any, *indices: Any, axis: int) -> Any:
    """Out of place by way of a copy; a place that stands twice is left to `_last`."""
    cells = torch.arange(x.numel()).reshape(x.shape)[_at(indices, axis)].reshape(-1)
    kept = _last(cells, x.numel())
    flat = x.reshape(-1).index_put((cells[kept],), updates.reshape(-1)[kept])
    return flat.reshape(x.shape)


def _last(cells: Any, size: int) -> Any:
    """Where each cell stands for the last time."""
    number = torch.arange(len(cells))
    last = torch.full((size,), -1).scatter_reduce(0, cells, number, "amax")
    return torch.nonzero(last[cells] == number)[:, 0]


def _scatter_add(x: Any, updates: Any, *indices: Any, axis: int) -> Any:
    cells = torch.arange(x.numel()).reshape(x.shape)[_at(indices, axis)].reshape(-1)
    return x.reshape(-1).index_add(0, cells, updates.reshape(-1)).reshape(x.shape)


def _block(x: Any, starts: Sequence[Any], sizes: Ints) -> tuple[slice, ...]:
    block = []
    for axis, (n, start, m) in enumerate(zip(x.shape, map(int, starts), sizes, strict=True)):
        first = start + n if start < 0 else start
        if not 0 <= first <= n - m:
            raise IndexError(f"{m} from {start} on is out of bounds for axis {axis} with size {n}")
        block.append(slice(first, first + m))
    return tuple(block)


def _dynamic_update_slice(x: Any, update: Any, *starts: Any) -> Any:
    cells = torch.arange(x.numel()).reshape(x.shape)[_block(x, starts, update.shape)].reshape(-1)
    return x.reshape(-1).index_put((cells,), update.reshape(-1)).reshape(x.shape)


# ------------------------------------------------------------------ matrices


def _solve(a: Any, b: Any) -> Any:
    """b is a vector if it has one axis, as in NumPy 2; PyTorch guesses by its shape."""
    columns = b[:, None] if b.ndim == 1 else b
    lead = torch.broadcast_shapes(a.shape[:-2], columns.shape[:-2])
    x = linalg.solve(a.expand(*lead, *a.shape[-2:]), columns.expand(*lead, *columns.shape[-2:]))
    return x[..., 0] if b.ndim == 1 else x


def _solve_triangular(a: Any, b: Any, lower: bool, adjoint: bool, unit_diagonal: bool) -> Any:
    columns = b[:, None] if b.ndim == 1 else b
    matrix, upper = (a.mH, lower) if adjoint else (a, not lower)
    x = linalg.solve_triangular(matrix, columns, upper=upper, unitriangular=unit_diagonal)
    return x[..., 0] if b.ndim == 1 else x


TABLE: dict[str, Callable[..., Any]] = {
    # elementwise
    "abs": torch.abs,
    "acos": torch.acos,
    "acosh": torch.acosh,
    "add": torch.add,
    "asin": torch.asin,
    "asinh": torch.asinh,
    "atan": torch.atan,
    "atan2": torch.atan2,
    "atanh": torch.atanh,
    "ceil": torch.ceil,
    "conj": torch.conj,
    "cos": torch.cos,
    "cosh": torch.cosh,
    "divide": torch.divide,
    "equal": torch.eq,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "floor": torch.floor,
    "floor_divide": _over_integers(partial(torch.div, rounding_mode="floor")),
    "greater": torch.greater,
    "greater_equal": torch.greater_equal,
    "hypot": torch.hypot,
    "imag": lambda x: torch.imag(x) if x.is_complex() else torch.zeros_like(x),
    "isfinite": torch.isfinite,
    "less": torch.less,
    "less_equal": torch.less_equal,
    "log": torch.log,
    "log1p": torch.log1p,
    "logaddexp": torch.logaddexp,
    "logical_and": torch.logical_and,
    "logical_not": torch.logical_not,
    "logical_or": torch.logical_or,
    "logical_xor": torch.logical_xor,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "multiply": torch.multiply,
    "negative": torch.negative,
    "not_equal": torch.not_equal,
    "pow": torch.pow,
    "real": torch.real,
    "remainder": _over_integers(torch.remainder),
    "round": _at_least_float(torch.round),
    "sign": torch.sgn,
    "sin": torch.sin,
    "sinh": torch.sinh,
    "sqrt": torch.sqrt,
    "subtract": torch.subtract,
    "tan": torch.tan,
    "tanh": torch.tanh,
    "trunc": _at_least_float(torch.trunc),
    "where": torch.where,
    # special functions
    "special.digamma": special.digamma,
    "special.erf": special.erf,
    "special.erfc": special.erfc,
    "special.erfinv": special.erfinv,
    "special.expit": special.expit,
    "special.gammaln": special.gammaln,
    "special.iv": _by_order(special.i0, special.i1),
    "special.ive": _by_order(special.i0e, special.i1e),
    "special.log_ndtr": special.log_ndtr,
    "special.ndtri": special.ndtri,
    "special.polygamma": lambda x, order: special.polygamma(order, x),
    "special.xdivy": _xdivy,
    # reductions and runs along an axis
    "all": _truth(torch.all),
    "any": _truth(torch.any),
    "argmax": lambda x, axis: torch.argmax(x, axis),
    "argmin": lambda x, axis: torch.argmin(x, axis),
    "argsort": lambda x, axis: torch.argsort(x, dim=axis, stable=True),
    "cumulative_prod": _cumulative(torch.cumprod),
    "cumulative_sum": _cumulative(torch.cumsum),
    "linear_recurrence": _linear_recurrence,
    "max": _extremum(torch.amax),
    "min": _extremum(torch.amin),
    "prod": _prod,
    "sort": lambda x, axis: torch.sort(x, dim=axis, stable=True).values,
    "sum": _sum,
    # shapes
    "broadcast_to": lambda x, shape: torch.broadcast_to(x, shape),
    "concat": lambda *xs, axis: torch.cat(xs, axis),
    "flip": lambda x, axes: torch.flip(x, axes),
    "pad": _pad,
    "permute_dims": lambda x, axes: torch.permute(x, axes),
    "reshape": lambda x, shape: torch.reshape(x, shape),
    "slice": _slice,
    "tril": lambda x, diagonal: torch.tril(x, diagonal),
    "triu": lambda x, diagonal: torch.triu(x, diagonal),
    # indices
    "dynamic_slice": lambda x, *starts, sizes: x[_block(x, starts, sizes)],
    "dynamic_update_slice": _dynamic_update_slice,
    "scatter": _scatter,
    "scatter_add": _scatter_add,
    "take": lambda x, *indices, axis: x[_at(indices, axis)],
    # matrices
    "linalg.cholesky": linalg.cholesky,
    "linalg.det": linalg.det,
    "linalg.eig": linalg.eig,
    "linalg.eigh": linalg.eigh,
    "linalg.inv": linalg.inv,
    "linalg.pinv": lambda a, rcond: linalg.pinv(a, rtol=rcond),
    "linalg.qr": linalg.qr,
    "linalg.slogdet": linalg.slogdet,
    "linalg.solve": _solve,
    "linalg.svd": lambda a: linalg.svd(a, full_matrices=False),
    "linalg.triangular_solve": _solve_triangular,
    "matmul": torch.matmul,
    **control_flow(bool, torch.stack, constant),
}

LANGUAGE = Language(
    package="torch",
    table=TABLE,
    constant=constant,
    cast=cast,
    refusals=REFUSALS,
    faults=(torch.linalg.LinAlgError,),
)
