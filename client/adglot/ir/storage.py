"""Graphs in files: the port that the codec plugs into, so that the IR knows no protobuf."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Protocol

from adglot.errors import InvalidArgument
from adglot.ir.graph import Graph


class Format(Protocol):
    """How a graph becomes bytes and back."""

    def dumps(self, graph: Graph) -> bytes: ...

    def loads(self, data: bytes) -> Graph: ...


_plugged_in: list[Format] = []


def plug(format: Format) -> None:
    """Make this the file format (`adglot.codec` does, when it is imported)."""
    _plugged_in[:] = [format]


def save(graph: Graph, path: str | PathLike[str]) -> None:
    Path(path).write_bytes(_plugged().dumps(graph))


def load(path: str | PathLike[str]) -> Graph:
    try:
        return _plugged().loads(Path(path).read_bytes())
    except InvalidArgument as error:
        raise error.within(str(path)) from None


def _plugged() -> Format:
    if not _plugged_in:
        raise RuntimeError("no file format is plugged in: import adglot.codec")
    return _plugged_in[0]
