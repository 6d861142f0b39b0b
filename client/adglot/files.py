"""Graphs in files: a serialized ``adglot.v1.Graph``, checked when it is read."""

from __future__ import annotations

from adglot.ir import Graph, storage
from adglot.ops import check


class _Protobuf:
    """The format of `Graph.save` and `Graph.load`; protobuf is imported when it is used."""

    def dumps(self, graph: Graph) -> bytes:
        from adglot.codec.graphs import dumps

        return dumps(graph)

    def loads(self, data: bytes) -> Graph:
        from adglot.codec.graphs import loads

        return check(loads(data))


def plug_in() -> None:
    """Make this the file format."""
    storage.plug(_Protobuf())
