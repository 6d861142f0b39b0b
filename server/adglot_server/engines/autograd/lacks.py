"""What HIPS autograd has no function or no derivative for: known without importing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adglot.ir import Node, Type
from adglot_server.engines.walk import Refusal

LACKS: Mapping[str, str] = {
    "cumulative_prod": "cumprod has no derivative",
    "linalg.adjugate": "no function of this kind",
    "linalg.pinv": "pinv has a derivative without a cutoff (rcond) only",
    "linalg.qr": "qr has no derivative",
    "special.kv": "no function of this kind",
    "special.ndtri": "no function of this kind",
}
"""The ops that are not taken, and why."""


def _stacks(node: Node, types: Sequence[Type]) -> str:
    return "solves one matrix, no stacks" if max(type.ndim for type in types) > 2 else ""


def _fractions(node: Node, types: Sequence[Type]) -> str:
    return "" if node.attributes["order"] in range(1000) else "has whole orders only"


REFUSALS: Mapping[str, Refusal] = {
    "linalg.triangular_solve": _stacks,
    "special.yv": _fractions,
}

REVERSE_ONLY = frozenset(
    {
        "hypot",
        "linalg.cholesky",
        "linalg.det",
        "linalg.eig",
        "linalg.eigh",
        "linalg.inv",
        "linalg.slogdet",
        "linalg.solve",
        "linalg.svd",
        "linalg.triangular_solve",
        "special.digamma",
        "special.erf",
        "special.erfc",
        "special.erfinv",
        "special.expit",
        "special.gamma",
        "special.gammaln",
        "special.iv",
        "special.ive",
        "special.jv",
        "special.log_ndtr",
        "special.polygamma",
        "special.yv",
    }
)
"""Ops without a rule for forward mode."""
