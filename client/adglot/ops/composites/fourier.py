"""numpy.fft by matrix products: a mixed-radix transform, exact for every length.

A length n = p q is transformed as p by q numbers: along one axis, times the twiddle factors, along
the other (Cooley and Tukey, 1965). What is left are dense transforms of prime lengths or short
ones, as matrix products, so nothing but ops with rules is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adglot import ops
from adglot.errors import TracingError
from adglot.ops import rules
from adglot.ops.composites.registry import NO_OUT, composite
from adglot.ops.composites.shapes import moveaxis, roll
from adglot.ops.composites.support import constant, cut, lift_one, one_axis, static
from adglot.ops.core import Value

DENSE = 32
"""Up to this length a transform is one matrix product."""

LARGEST_PRIME = 4096
"""A prime factor beyond that would need a matrix of over 256 MB."""


def _transform(x: Value, sign: int) -> Value:
    """Sums of x times exp(sign 2 pi i j k / n), over the last axis; x is complex."""
    n = x.shape[-1]
    p = _factor(n)
    if p == n:
        return ops.matmul(x, constant(x, _dense(n, sign).astype(x.dtype)))
    q = n // p
    lead = x.shape[:-1]
    # x[j q + k]: first over j, for every k; then over k
    rows = rules.reshape(x, (*lead, p, q))
    columns = _transform(moveaxis(rows, -2, -1), sign)
    twiddles = np.exp(sign * 2j * np.pi * np.outer(np.arange(q), np.arange(p)) / n)
    turned = ops.multiply(columns, constant(x, twiddles.astype(x.dtype)))
    whole = _transform(moveaxis(turned, -2, -1), sign)
    return rules.reshape(moveaxis(whole, -2, -1), (*lead, n))


def _factor(n: int) -> int:
    """The divisor of n next to its root, or n where it is short or prime."""
    if n <= DENSE:
        return n
    p = max((d for d in range(2, int(n**0.5) + 1) if n % d == 0), default=n)
    if p == n > LARGEST_PRIME:
        raise TracingError(f"fft of length {n}, a prime over {LARGEST_PRIME}, is not supported")
    return p


def _dense(n: int, sign: int) -> Any:
    steps = np.outer(np.arange(n), np.arange(n)) % n
    return np.exp(sign * 2j * np.pi * steps / n)


def _as_complex(x: Any) -> Value:
    v = lift_one(x)
    return rules.convert(v, np.result_type(v.dtype, np.complex64))


def _fitted(x: Value, n: int, axis: int) -> Value:
    """Cut to n elements along an axis, or padded with zeros."""
    m = x.shape[axis]
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    if n <= m:
        return cut(x, axis, 0, n)
    none = (0,) * x.ndim
    high = tuple(n - m if i == axis else 0 for i in range(x.ndim))
    return ops.pad(x, low=none, high=high, interior=none)


def _scaled(y: Value, n: int, norm: Any, forward: bool) -> Value:
    if norm not in (None, "backward", "ortho", "forward"):
        raise ValueError(f'Invalid norm value {norm}; should be "backward","ortho" or "forward".')
    if norm == "ortho":
        return y / math.sqrt(n)
    return y / n if (norm == "forward") == forward else y


def _along(x: Value, n: Any, axis: Any, norm: Any, sign: int) -> Value:
    place = one_axis(axis, x.ndim)
    count = x.shape[place] if n is None else int(static(n, "n"))
    last = moveaxis(_fitted(x, count, place), place, -1)
    return _scaled(moveaxis(_transform(last, sign), -1, place), count, norm, sign < 0)


# ------------------------------------------------------------------ one axis


@composite("fft.fft")
def fft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = NO_OUT) -> Value:
    """The discrete Fourier transform along an axis."""
    return _along(_as_complex(a), n, axis, norm, -1)


@composite("fft.ifft")
def ifft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = NO_OUT) -> Value:
    """The inverse transform along an axis."""
    return _along(_as_complex(a), n, axis, norm, 1)


@composite("fft.rfft")
def rfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = NO_OUT) -> Value:
    """The first half of the transform of real numbers."""
    x = lift_one(a)
    if x.dtype.kind == "c":
        raise TypeError("ufunc 'rfft_n_even' did not contain a loop with a complex signature")
    place = one_axis(axis, x.ndim)
    count = x.shape[place] if n is None else int(static(n, "n"))
    return cut(fft(x, count, place, norm), place, 0, count // 2 + 1)


@composite("fft.irfft")
def irfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = NO_OUT) -> Value:
    """The inverse of `rfft`, of n real numbers, by default an even count."""
    x = _as_complex(a)
    place = one_axis(axis, x.ndim)
    count = 2 * (x.shape[place] - 1) if n is None else int(static(n, "n"))
    half = _fitted(x, count // 2 + 1, place)
    # the imaginary parts of the first and, for an even count, the middle element do not count
    mirrored = ops.flip(cut(half, place, 1, (count + 1) // 2), axes=(place,))
    whole = ops.concat(half, ops.conj(mirrored), axis=place)
    return ops.real(_along(whole, None, place, norm, 1))


_OTHER_WAY = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


@composite("fft.hfft")
def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = NO_OUT) -> Value:
    """The transform of a signal with Hermitian symmetry."""
    x = _as_complex(a)
    count = 2 * (x.shape[axis] - 1) if n is None else n
    return irfft(ops.conj(x), count, axis, _OTHER_WAY.get(norm, norm))


@composite("fft.ihfft")
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = NO_OUT) -> Value:
    """The inverse of `hfft`."""
    return ops.conj(rfft(a, n, axis, _OTHER_WAY.get(norm, norm)))


# ------------------------------------------------------------------ several axes


def _every(one: Callable[..., Value], doc: str, default: Any) -> Callable[..., Value]:
    def function(
        a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = NO_OUT
    ) -> Value:
        x = lift_one(a)
        for count, axis in reversed(_pairs(x, s, axes)):
            x = one(x, count, axis, norm)
        return x

    function.__doc__ = doc
    return function


def _pairs(x: Value, s: Any, axes: Any) -> list[tuple[int | None, int]]:
    """A length, or None, for each axis."""
    if axes is None:
        axes = range(x.ndim) if s is None else range(-len(s), 0)
    counts: Sequence[Any] = [None] * len(axes) if s is None else list(s)
    if len(counts) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    lengths = [None if n in (None, -1) else int(n) for n in counts]
    return list(zip(lengths, axes, strict=True))


fft2 = composite("fft.fft2")(_every(fft, "`fft` over two axes.", (-2, -1)))
ifft2 = composite("fft.ifft2")(_every(ifft, "`ifft` over two axes.", (-2, -1)))
fftn = composite("fft.fftn")(_every(fft, "`fft` over several axes.", None))
ifftn = composite("fft.ifftn")(_every(ifft, "`ifft` over several axes.", None))


def _every_real(default: Any, doc: str) -> Callable[..., Value]:
    def function(
        a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = NO_OUT
    ) -> Value:
        x = lift_one(a)
        *others, (count, axis) = _pairs(x, s, axes)
        x = rfft(x, count, axis, norm)
        for n, other in reversed(others):
            x = fft(x, n, other, norm)
        return x

    function.__doc__ = doc
    return function


def _every_real_back(default: Any, doc: str) -> Callable[..., Value]:
    def function(
        a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = NO_OUT
    ) -> Value:
        x = lift_one(a)
        *others, (count, axis) = _pairs(x, s, axes)
        for n, other in others:
            x = ifft(x, n, other, norm)
        return irfft(x, count, axis, norm)

    function.__doc__ = doc
    return function


rfft2 = composite("fft.rfft2")(_every_real((-2, -1), "`rfft` over two axes."))
rfftn = composite("fft.rfftn")(_every_real(None, "`rfft` over several axes."))
irfft2 = composite("fft.irfft2")(_every_real_back((-2, -1), "`irfft` over two axes."))
irfftn = composite("fft.irfftn")(_every_real_back(None, "`irfft` over several axes."))


@composite("fft.fftshift")
def fftshift(x: Any, axes: Any = None) -> Value:
    """The zero frequency in the middle."""
    v = lift_one(x)
    places = _shift_axes(v, axes)
    return roll(v, [v.shape[i] // 2 for i in places], places)


@composite("fft.ifftshift")
def ifftshift(x: Any, axes: Any = None) -> Value:
    """The inverse of `fftshift`."""
    v = lift_one(x)
    places = _shift_axes(v, axes)
    return roll(v, [-(v.shape[i] // 2) for i in places], places)


def _shift_axes(x: Value, axes: Any) -> list[int]:
    given = range(x.ndim) if axes is None else np.atleast_1d(axes)
    return [one_axis(int(i), x.ndim) for i in given]
