"""Ops in JAX's functions: one line each, what a user of JAX would call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy import linalg, special

from adglot.ops.control.bodies import split
from adglot_server.engines.jax.lacks import REFUSALS
from adglot_server.engines.walk import Language, Walk

Ints = tuple[int, ...]


def cast(x: Any, dtype: np.dtype[Any]) -> Any:
    """NumPy's astype."""
    if x.dtype == dtype:
        return x
    return x != 0 if dtype.kind == "b" else lax.convert_element_type(x, dtype)


def _over_integers(function: Callable[..., Any]) -> Callable[..., Any]:
    """An integer division that is 0 over 0, as in NumPy; XLA's is -1."""

    def divided(x1: Any, x2: Any) -> Any:
        if x1.dtype.kind == "f":
            return function(x1, x2)
        return jnp.where(x2 == 0, 0, function(x1, jnp.where(x2 == 0, 1, x2)))

    return divided


# ------------------------------------------------------------------ indices


def _at(x: Any, indices: Sequence[Any], axis: int) -> Any:
    """The index that `take` reads; those out of range that stand in the graph are an error."""
    for k, index in enumerate(indices):
        size = x.shape[axis + k]
        if isinstance(index, np.ndarray) and np.any((index < -size) | (index >= size)):
            raise IndexError(f"index out of bounds for axis {axis + k} with size {size}")
    return (*(np.s_[:],) * axis, *indices)


def _starts(x: Any, starts: Sequence[Any], sizes: Ints) -> list[Any]:
    """Where a block starts; one outside of x that stands in the graph is an error."""
    for axis, (n, start, m) in enumerate(zip(x.shape, starts, sizes, strict=True)):
        known = isinstance(start, np.ndarray)
        if known and not 0 <= (start + n if start < 0 else start) <= n - m:
            raise IndexError(f"{m} from {start} on is out of bounds for axis {axis} with size {n}")
    return [jnp.asarray(start, np.int64) for start in starts]


def _dynamic_slice(x: Any, *starts: Any, sizes: Ints) -> Any:
    return lax.dynamic_slice(x, _starts(x, starts, sizes), sizes)


def _dynamic_update_slice(x: Any, update: Any, *starts: Any) -> Any:
    return lax.dynamic_update_slice(x, update, _starts(x, starts, update.shape))


def _pad(x: Any, low: Ints, high: Ints, interior: Ints) -> Any:
    return lax.pad(x, np.zeros((), x.dtype), list(zip(low, high, interior, strict=True)))


# ------------------------------------------------------------------ matrices


def _lower(a: Any) -> Any:
    """a with the value of the Hermitian matrix in its lower triangle, which is all NumPy reads.

    JAX reads (a + a^H) / 2, and so differentiates: its derivative is left as it is.
    """
    below = jnp.tril(a, -1)
    hermitian = below + jnp.swapaxes(below, -1, -2).conj() + (a - below - jnp.triu(a, 1))
    return a + lax.stop_gradient(hermitian - a)


def _solve_triangular(a: Any, b: Any, lower: bool, adjoint: bool, unit_diagonal: bool) -> Any:
    trans = "C" if adjoint else "N"
    solve = partial(linalg.solve_triangular, trans=trans, lower=lower, unit_diagonal=unit_diagonal)
    signature = "(n,n),(n)->(n)" if b.ndim == 1 else "(n,n),(n,k)->(n,k)"
    return jnp.vectorize(solve, signature=signature)(a, b)


def _linear_recurrence(a: Any, b: Any, axis: int, reverse: bool) -> Any:
    def joined(first: Any, then: Any) -> Any:
        return first[0] * then[0], first[1] * then[0] + then[1]

    return lax.associative_scan(joined, (a, b), reverse=reverse, axis=axis)[1]


# ------------------------------------------------------------------ special functions


def _by_order(*functions: Callable[[Any], Any]) -> Callable[..., Any]:
    """The function of each order 0, 1, ... that there is."""
    return lambda x, order: functions[int(order)](x)


def _xdivy(x1: Any, x2: Any) -> Any:
    both = (x1 == 0) & (x2 == 0)
    return jnp.where(both, 0, x1 / jnp.where(both, 1, x2))


# ------------------------------------------------------------------ control flow


def _cond(predicate: Any, *operands: Any, if_true: Walk, if_false: Walk) -> Any:
    return lax.cond(predicate, lambda *xs: if_true(xs), lambda *xs: if_false(xs), *operands)


def _scan(
    *operands: Any, body: Walk, length: int, reverse: bool, consts: int, carries: int
) -> list[Any]:
    fixed, state, xs = split(operands, consts, carries)

    def step(state: Any, slices: Any) -> Any:
        after, ys = split(body([*fixed, *state, *slices]), carries)
        return after, ys

    state, ys = lax.scan(step, _arrays(state), xs, length, reverse)
    return [*state, *ys]


def _while_loop(*operands: Any, condition: Walk, body: Walk, consts: int, max_steps: int) -> Any:
    fixed, state = split(operands, consts)

    def go_on(carry: Any) -> Any:
        step, state = carry
        within = step < max_steps if max_steps else True
        return condition([*fixed, *state])[0] & within

    def advance(carry: Any) -> Any:
        step, state = carry
        return step + 1, body([*fixed, *state])

    return lax.while_loop(go_on, advance, (0, _arrays(state)))[1]


def _bounded_loop(*operands: Any, condition: Walk, body: Walk, consts: int, max_steps: int) -> Any:
    """A scan of conds: JAX pulls back through no other loop whose length is open."""
    how: dict[str, Any] = {"condition": condition, "body": body, "consts": consts}
    if not max_steps:
        return _while_loop(*operands, **how, max_steps=0)
    fixed, state = split(operands, consts)

    def maybe(state: Any, _: None) -> Any:
        go_on = condition([*fixed, *state])[0]
        return lax.cond(go_on, lambda s: body([*fixed, *s]), lambda s: s, state), None

    return lax.scan(maybe, _arrays(state), None, max_steps)[0]


def _arrays(state: list[Any]) -> list[Any]:
    return [jnp.asarray(x) for x in state]


TABLE: dict[str, Callable[..., Any]] = {
    # elementwise
    "abs": jnp.abs,
    "acos": jnp.acos,
    "acosh": jnp.acosh,
    "add": jnp.add,
    "asin": jnp.asin,
    "asinh": jnp.asinh,
    "atan": jnp.atan,
    "atan2": jnp.atan2,
    "atanh": jnp.atanh,
    "ceil": jnp.ceil,
    "conj": jnp.conj,
    "cos": jnp.cos,
    "cosh": jnp.cosh,
    "divide": jnp.divide,
    "equal": jnp.equal,
    "exp": jnp.exp,
    "expm1": jnp.expm1,
    "floor": jnp.floor,
    "floor_divide": _over_integers(jnp.floor_divide),
    "greater": jnp.greater,
    "greater_equal": jnp.greater_equal,
    "hypot": jnp.hypot,
    "imag": jnp.imag,
    "isfinite": jnp.isfinite,
    "less": jnp.less,
    "less_equal": jnp.less_equal,
    "log": jnp.log,
    "log1p": jnp.log1p,
    "logaddexp": jnp.logaddexp,
    "logical_and": jnp.logical_and,
    "logical_not": jnp.logical_not,
    "logical_or": jnp.logical_or,
    "logical_xor": jnp.logical_xor,
    "maximum": jnp.maximum,
    "minimum": jnp.minimum,
    "multiply": jnp.multiply,
    "negative": jnp.negative,
    "not_equal": jnp.not_equal,
    "pow": jnp.power,
    "real": jnp.real,
    "remainder": _over_integers(jnp.remainder),
    "round": jnp.round,
    "sign": jnp.sign,
    "sin": jnp.sin,
    "sinh": jnp.sinh,
    "sqrt": jnp.sqrt,
    "subtract": jnp.subtract,
    "tan": jnp.tan,
    "tanh": jnp.tanh,
    "trunc": jnp.trunc,
    "where": jnp.where,
    # special functions
    "special.digamma": special.digamma,
    "special.erf": special.erf,
    "special.erfc": special.erfc,
    "special.erfinv": special.erfinv,
    "special.expit": special.expit,
    "special.gamma": special.gamma,
    "special.gammaln": special.gammaln,
    "special.iv": _by_order(special.i0, special.i1),
    "special.ive": _by_order(special.i0e, special.i1e),
    "special.log_ndtr": special.log_ndtr,
    "special.ndtri": special.ndtri,
    "special.polygamma": lambda x, order: special.polygamma(order, x),
    "special.xdivy": _xdivy,
    # reductions and runs along an axis
    "all": lambda x, axes: jnp.all(x, axis=axes),
    "any": lambda x, axes: jnp.any(x, axis=axes),
    "argmax": lambda x, axis: jnp.argmax(x, axis),
    "argmin": lambda x, axis: jnp.argmin(x, axis),
    "argsort": lambda x, axis: jnp.argsort(x, axis, stable=True),
    "cumulative_prod": lambda x, axis, reverse: lax.cumprod(x, axis, reverse),
    "cumulative_sum": lambda x, axis, reverse: lax.cumsum(x, axis, reverse),
    "linear_recurrence": _linear_recurrence,
    "max": lambda x, axes: jnp.max(x, axis=axes),
    "min": lambda x, axes: jnp.min(x, axis=axes),
    "prod": lambda x, axes: jnp.prod(x, axis=axes),
    "sort": lambda x, axis: jnp.sort(x, axis, stable=True),
    "sum": lambda x, axes: jnp.sum(x, axis=axes),
    # shapes
    "broadcast_to": lambda x, shape: jnp.broadcast_to(x, shape),
    "concat": lambda *xs, axis: jnp.concatenate(xs, axis),
    "flip": lambda x, axes: jnp.flip(x, axes),
    "pad": _pad,
    "permute_dims": lambda x, axes: jnp.permute_dims(x, axes),
    "reshape": lambda x, shape: jnp.reshape(x, shape),
    "slice": lambda x, start, stop, strides: lax.slice(x, start, stop, strides),
    "tril": lambda x, diagonal: jnp.tril(x, diagonal),
    "triu": lambda x, diagonal: jnp.triu(x, diagonal),
    # indices
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
    "scatter": lambda x, u, *at, axis: jnp.asarray(x).at[_at(x, at, axis)].set(u),
    "scatter_add": lambda x, u, *at, axis: jnp.asarray(x).at[_at(x, at, axis)].add(u),
    "take": lambda x, *at, axis: jnp.asarray(x)[_at(x, at, axis)],
    # matrices
    "linalg.cholesky": lambda a: jnp.linalg.cholesky(_lower(a)),
    "linalg.det": jnp.linalg.det,
    "linalg.eig": jnp.linalg.eig,
    "linalg.eigh": lambda a: jnp.linalg.eigh(_lower(a)),
    "linalg.inv": jnp.linalg.inv,
    "linalg.pinv": lambda a, rcond: jnp.linalg.pinv(a, rtol=rcond),
    "linalg.qr": jnp.linalg.qr,
    "linalg.slogdet": jnp.linalg.slogdet,
    "linalg.solve": jnp.linalg.solve,
    "linalg.svd": lambda a: jnp.linalg.svd(a, full_matrices=False),
    "linalg.triangular_solve": _solve_triangular,
    "matmul": jnp.matmul,
    # control flow
    "cond": _cond,
    "scan": _scan,
    "while_loop": _while_loop,
}

FORWARD = Language(package="jax", table=TABLE, constant=np.asarray, cast=cast, refusals=REFUSALS)
"""For values and pushforwards."""

REVERSE = replace(FORWARD, table={**TABLE, "while_loop": _bounded_loop})
"""For pullbacks, which bounded loops have too; each takes all of its steps."""
