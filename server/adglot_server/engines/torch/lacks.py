"""What PyTorch has no function for: known without importing it."""

from __future__ import annotations

from collections.abc import Mapping

from adglot_server.engines.walk import Refusal, orders, without

LACKS: Mapping[str, str] = {
    "linalg.adjugate": "no function of this kind",
    "special.gamma": "torch.special has its logarithm only",
    "special.jv": "torch.special's Bessel functions have no derivatives",
    "special.kv": "torch.special's Bessel functions have no derivatives",
    "special.yv": "torch.special's Bessel functions have no derivatives",
}
"""The ops that are not taken, and why."""

REFUSALS: Mapping[str, Refusal] = {
    **{op: without("c") for op in ("argmax", "argmin", "argsort", "max", "min", "sort")},
    **{op: without("c") for op in ("maximum", "minimum", "round")},
    "matmul": without("b"),
    "special.iv": orders(0, 1),
    "special.ive": orders(0, 1),
}
