"""Identities that one engine's own answers must satisfy: they cost no request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from adglot.calls import Array, Operator
from adglot.crosscheck.bounds import inner
from adglot.crosscheck.interview import Reply
from adglot.crosscheck.model import FreeCheck
from adglot.crosscheck.questions import Seeds

ADJOINT = "<w,Jv> = <J^T w,v>"
MODES = "forward = reverse"


def checks(replies: Sequence[Reply], seeds: Seeds, relative: float) -> dict[Operator, FreeCheck]:
    """The check that each operator's answer has to pass, held against the pushforward."""
    given = {reply.question.operator: reply for reply in replies if reply.failure is None}
    forward = given.get("jvp")
    if forward is None:
        return {}
    found: dict[Operator, FreeCheck] = {}
    if "vjp" in given:
        sides = zip(given["vjp"].blocks, seeds.tangents, strict=True)
        found["vjp"] = _check(ADJOINT, seeds.cotangents, forward.blocks, list(sides), relative)
    if "gradient" in given:
        ones = [np.ones_like(block) for block in forward.blocks]
        sides = zip(given["gradient"].blocks, seeds.tangents, strict=True)
        found["gradient"] = _check(MODES, ones, forward.blocks, list(sides), relative)
    if "jacobian" in given:
        rows = list(_products(given["jacobian"].blocks, seeds))
        found["jacobian"] = _check(MODES, seeds.cotangents, forward.blocks, rows, relative)
    return found


def _products(blocks: Sequence[Array], seeds: Seeds) -> Iterator[tuple[Array, Array]]:
    """(J v, w), block by block."""
    places = ((k, i) for k in range(len(seeds.of)) for i in range(len(seeds.wrt)))
    for block, (k, i) in zip(blocks, places, strict=True):
        v, w = seeds.tangents[i], seeds.cotangents[k]
        with np.errstate(all="ignore"):
            yield np.tensordot(block, v, axes=v.ndim), w


def _check(
    name: str,
    ws: Sequence[Array],
    ys: Sequence[Array],
    others: Sequence[tuple[Array, Array]],
    relative: float,
) -> FreeCheck:
    pairs = list(zip(ws, ys, strict=True))
    with np.errstate(all="ignore"):
        left, right = (float(sum(inner(a, b) for a, b in side)) for side in (pairs, others))
        size = sum(inner(abs(a), abs(b)) for a, b in (*pairs, *others))
    excuse = "" if np.isfinite(left) and np.isfinite(right) else "not finite"
    return FreeCheck(name, left, right, float(relative * size), excuse)
