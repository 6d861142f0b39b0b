"""What JAX has no function for, or answers without an error: known without importing it."""

from __future__ import annotations

from collections.abc import Mapping

from adglot_server.engines.walk import Refusal, orders, without

LACKS: Mapping[str, str] = {
    "linalg.adjugate": "no function of this kind",
    "special.jv": "jax.scipy.special.bessel_jn has whole orders by recurrence only",
    "special.kv": "no function of this kind",
    "special.yv": "no function of this kind",
}
"""The ops that are not taken, and why."""

REFUSALS: Mapping[str, Refusal] = {
    "argmax": without("c"),
    "argmin": without("c"),
    "special.iv": orders(0, 1),
    "special.ive": orders(0, 1),
}

SILENT = ("take", "scatter", "scatter_add", "dynamic_slice", "dynamic_update_slice")
"""Ops whose indices JAX clamps or drops where NumPy raises."""
