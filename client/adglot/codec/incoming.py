"""Read a message: the runtime parses the small fields, large ones stay where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from adglot.calls import Array
from adglot.codec.graphs import graph_from_proto, loads
from adglot.codec.splice import Buffer, cut, delimited, parse
from adglot.codec.tensors import DATA, tensor_from_proto
from adglot.errors import InvalidArgument, LimitExceeded
from adglot.ir import Graph

SMALL = 1 << 14
"""Up to this many bytes the runtime's copies cost less than looking for fields ourselves."""

Data = Mapping[tuple[str, int], memoryview]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A parsed message, and the contents that were taken out of it before.

    `data` holds the elements of the tensor at a place in a field, `graph` a serialized graph.
    """

    head: Any
    data: Data = field(default_factory=dict)
    graph_view: memoryview | None = None

    def tensors(self, name: str, field: str) -> tuple[Array, ...]:
        """The tensors of field `name`, read-only; `field` is what errors call it."""
        tensors = getattr(self.head, name)
        if not tensors:
            return ()
        arrays = []
        for k, tensor in enumerate(tensors[:]):
            try:
                arrays.append(tensor_from_proto(tensor, self.data.get((name, k))))
            except InvalidArgument as error:
                raise error.within(f"{field}[{k}]") from None
        return tuple(arrays)

    def graph(self) -> Graph | None:
        """The graph of the message, if it has one."""
        try:
            if self.graph_view is not None:
                return loads(self.graph_view)
            return graph_from_proto(self.head.graph) if self.head.HasField("graph") else None
        except InvalidArgument as error:
            raise error.within("graph") from None


def read(kind: type[Message], message: bytes | memoryview, graph_bytes: int) -> Incoming:
    """Parse a message whose tensors may be large, and whose graph may not.

    Raises InvalidArgument for bytes that are no such message, LimitExceeded for a graph over
    `graph_bytes`: the runtime takes many times as much memory to read one.
    """
    if len(message) <= min(SMALL, graph_bytes):
        return Incoming(parse(kind, bytes(message)))
    fields = kind.DESCRIPTOR.fields
    numbers = {
        f.number: f.name for f in fields if f.message_type and f.message_type.name == "Tensor"
    }
    graph = kind.DESCRIPTOR.fields_by_name.get("graph")
    rest, found = cut(memoryview(message), [*numbers, *([graph.number] if graph else [])])
    view = found[graph.number][-1] if graph and found[graph.number] else None
    if view is not None and len(view) > graph_bytes:
        raise LimitExceeded("graph_bytes", graph_bytes, len(view))
    pieces: list[Buffer] = [rest]
    data: dict[tuple[str, int], memoryview] = {}
    for number, name in numbers.items():
        for k, tensor in enumerate(found[number]):
            pieces += delimited(number, _without_data(tensor, data, (name, k)))
    return Incoming(parse(kind, b"".join(pieces)), data, view)


def _without_data(
    tensor: memoryview, data: dict[tuple[str, int], memoryview], key: tuple[str, int]
) -> bytes:
    """The tensor's small fields; its elements go to `data`."""
    try:
        rest, found = cut(tensor, (DATA,))
    except InvalidArgument as error:
        raise error.within(f"{key[0]}[{key[1]}]") from None
    if found[DATA]:
        data[key] = found[DATA][-1]
    return rest
