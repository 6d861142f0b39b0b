"""SciPy's Bessel functions by its names: the order first, or in the name."""

from __future__ import annotations

from typing import Any

from adglot import ops
from adglot.ops.composites.registry import composite
from adglot.ops.composites.support import lift_one, static
from adglot.ops.core import Value


def _of_order(kind: str, *names: str) -> None:
    @composite(*(f"special.{name}" for name in names))
    def function(v: Any, x: Any) -> Value:
        """The Bessel function of a static order v."""
        order = float(static(v, "v"))
        return ops.TABLE[f"special.{kind}"](lift_one(x), order=order)


def _of_one(kind: str, order: float, name: str) -> None:
    @composite(f"special.{name}")
    def function(x: Any) -> Value:
        """The Bessel function of the order in its name."""
        return ops.TABLE[f"special.{kind}"](lift_one(x), order=order)


_of_order("jv", "jv", "jn")
_of_order("yv", "yv", "yn")
for _kind in ("iv", "ive", "kv"):
    _of_order(_kind, _kind)
for _kind, _names in {
    "jv": ("j0", "j1"),
    "yv": ("y0", "y1"),
    "iv": ("i0", "i1"),
    "ive": ("i0e", "i1e"),
    "kv": ("k0", "k1"),
}.items():
    for _order, _name in enumerate(_names):
        _of_one(_kind, float(_order), _name)
