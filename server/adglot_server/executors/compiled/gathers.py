"""Emit the copy of elements from known places: what puts the nonzeros of a matrix in order."""

from __future__ import annotations

from adglot_server.executors.compiled.lanes import Code, Lanes
from adglot_server.executors.compiled.loops import SCALAR, counted, element_at, read, store

TOGETHER = 8
"""Elements of a turn. One by one they take half the time that AMD's gathers of vectors take."""


def write(code: Code, name: str, size: int, places: str, source: str, result: str) -> None:
    """`places` holds so many int32."""

    def one(k: str, offset: int) -> None:
        at = read(code, "i32", element_at(code, "i32", places, [(k, 1)], offset), SCALAR)
        wanted = element_at(code, name, source, [(at.cast("sext", "i64").name, 1)])
        x = read(code, name, wanted, SCALAR)
        store(x, element_at(code, name, result, [(k, 1)], offset), SCALAR)

    def turn(k: str) -> list[Lanes]:
        for offset in range(TOGETHER):
            one(k, offset)
        return []

    whole = size // TOGETHER * TOGETHER
    if whole:
        counted(code, 0, whole, TOGETHER, turn)
    for offset in range(whole, size):
        one("0", offset)
