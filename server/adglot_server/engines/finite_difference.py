"""The engine `finite-difference`: central differences with adaptive steps and error estimates."""

from __future__ import annotations

from importlib import import_module, util
from types import ModuleType
from typing import Any

import numpy as np

from adglot.calls import OPERATORS, EngineInfo
from adglot.errors import InvalidArgument, Unsupported
from adglot.ir import Graph
from adglot_server.engines import derived
from adglot_server.engines.base import Array, Prepared, Request
from adglot_server.engines.derived import Arrays, Function, Pushed
from adglot_server.engines.versions import version

INSTALL = "pip install 'adglot[numeric]'"
STEPS = (0.25, 1e-2, 1e-4)
"""First steps tried, relative to the size of the point: the best estimate of the error wins."""

GOOD_ENOUGH = 1e-10
"""Relative to the largest component: no further first step is tried."""

SAFETY = 10.0
"""Estimated errors are multiplied by this, so that they bound the error nearly always."""

EVALUATIONS = 3 * 25
"""About how often f is evaluated for one pushforward."""

COPIES = 80
"""Arrays of the outputs' size that SciPy holds: measured 65, every evaluation of one step."""


class FiniteDifferenceEngine:
    """Derivatives from values alone, by SciPy's adaptive differences of eighth order.

    Source: `scipy.differentiate.derivative`, which shrinks the step until its estimate of the
    error stops falling. It shares nothing with the rules of any AD engine, so it is evidence
    where they disagree; its errors come with the answer.
    """

    name = "finite-difference"

    def info(self) -> EngineInfo:
        """Available where SciPy >= 1.15 is."""
        if not _available():
            return EngineInfo(self.name, False, reason=f"needs SciPy >= 1.15: {INSTALL}")
        installed = f"scipy {version('scipy')}"
        return EngineInfo(self.name, True, version=installed, operators=OPERATORS)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        """Nothing to derive: f itself is run, beside the point."""
        if not _available():
            raise Unsupported(f"finite-difference needs SciPy >= 1.15: {INSTALL}")
        return derived.prepare(graph, request, push, evaluations=EVALUATIONS, copies=COPIES)


def push(function: Function, x: Arrays, v: Arrays, noise: Arrays | None = None) -> Pushed:
    """The derivative along v, each component with the smallest error estimate of all steps."""
    y = function(x)
    flat = _Flat(function, x, v, y, noise or [np.zeros(a.shape) for a in y])
    scale = flat.scale()
    best = _differences(flat, STEPS[0] * scale)
    for step in STEPS[1:]:
        if np.all(best[1] <= GOOD_ENOUGH * np.max(abs(best[0]), initial=0.0)):
            break
        best = _better(best, _differences(flat, step * scale))
    return Pushed(flat.shaped(best[0]), flat.shaped_errors(best[1]))


class _Flat:
    """t -> f(x + t v) as one real vector: real parts, then imaginary ones."""

    def __init__(self, function: Function, x: Arrays, v: Arrays, y: Arrays, noise: Arrays) -> None:
        self._function, self._x, self._v, self._y = function, x, v, y
        self._noise = np.concatenate(
            [_real_parts(a + 0 * b) for a, b in zip(noise, y, strict=True)]
        )
        eps = [np.full(_real_parts(a).size, np.finfo(a.dtype).eps) for a in y]
        self._eps, self._largest = np.concatenate(eps), np.zeros(())
        self.size = sum(a.size * (2 if a.dtype.kind == "c" else 1) for a in y)

    def noise(self) -> Array:
        """The error of each component, its rounding where it was largest included."""
        return np.asarray(self._noise + self._eps * np.max(self._largest, initial=0.0))

    def scale(self) -> float:
        """How far t moves x by about its own size."""
        v = max((float(np.max(abs(a), initial=0.0)) for a in self._v), default=0.0)
        x = max((float(np.max(abs(a), initial=0.0)) for a in self._x), default=0.0)
        return (x or 1.0) / (v or 1.0)

    def __call__(self, t: Array) -> Array:
        """Components over a grid of t that is the same for every component."""
        if t.ndim == 1:
            return self._at(float(t[0]))
        return np.stack([self._at(float(s)) for s in t[0]], axis=-1)

    def _at(self, t: float) -> Array:
        moved = [np.asarray(x + t * v, x.dtype) for x, v in zip(self._x, self._v, strict=True)]
        try:
            y = np.concatenate([_real_parts(a) for a in self._function(moved)])
        except InvalidArgument:  # a matrix that is not positive definite any more, say
            return np.full(self.size, np.nan)
        self._largest = np.fmax(self._largest, abs(y))
        return y

    def shaped(self, flat: Array) -> Arrays:
        """A vector of components as the tangents of the outputs."""
        return [
            np.asarray(_from_parts(part, y), y.dtype).reshape(y.shape)
            for part, y in zip(self._split(flat), self._y, strict=True)
        ]

    def shaped_errors(self, flat: Array) -> Arrays:
        """The same of error estimates: real arrays."""
        return [
            np.asarray(abs(_from_parts(part, y)), abs(y).dtype).reshape(y.shape)
            for part, y in zip(self._split(flat), self._y, strict=True)
        ]

    def _split(self, flat: Array) -> Arrays:
        sizes = [y.size * (2 if y.dtype.kind == "c" else 1) for y in self._y]
        return np.split(flat, np.cumsum(sizes)[:-1])


def _real_parts(a: Array) -> Array:
    flat = np.ravel(a).astype(np.complex128 if a.dtype.kind == "c" else np.float64)
    return np.concatenate([flat.real, flat.imag]) if a.dtype.kind == "c" else flat


def _from_parts(part: Array, like: Array) -> Array:
    if like.dtype.kind != "c":
        return part
    real, imag = np.split(part, 2)
    return np.asarray(real + 1j * imag)


def _differences(flat: _Flat, step: float) -> tuple[Array, Array]:
    """Components of the derivative and their error estimates, Inf where there is none.

    SciPy's estimate is the last change, which is zero now and then where only rounding is left.
    So the error of f is added, divided by the step that SciPy ended with.
    """
    if flat.size == 0:
        return np.zeros(0), np.zeros(0)
    with np.errstate(all="ignore"):
        result = _scipy(flat, step)
        rounding = flat.noise() * 2.0**result.nit / step
    found = np.isfinite(result.df) & np.isfinite(result.error)
    error = np.where(found, SAFETY * (result.error + rounding), np.inf)
    return np.where(found, result.df, np.nan), error


def _scipy(flat: _Flat, step: float) -> Any:
    """SciPy asks whether arrays are jax's or torch's where some thread has begun to import these.

    What is only half imported lacks the names that SciPy asks for: then it is waited for.
    """
    from scipy.differentiate import derivative

    try:
        return derivative(
            flat,
            np.zeros(flat.size),
            initial_step=step,
            order=8,
            preserve_shape=True,
            tolerances={"atol": 0.0, "rtol": 1e-13},
        )
    except AttributeError as error:
        importing = error.obj
        if not isinstance(importing, ModuleType) or not _half_imported(importing):
            raise
        import_module(importing.__name__)
        return _scipy(flat, step)


def _half_imported(module: ModuleType) -> bool:
    return bool(getattr(module.__spec__, "_initializing", False))


def _better(a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[Array, Array]:
    keep = a[1] <= b[1]
    return np.where(keep, a[0], b[0]), np.where(keep, a[1], b[1])


def _available() -> bool:
    if util.find_spec("scipy") is None:
        return False
    return util.find_spec("scipy.differentiate") is not None
