"""Write the op table's samples, with NumPy's values, to a file that Julia's tests read.

The file is a protobuf message without a proto of its own: field 1 is a sample, in it 1 its name,
2 the graph (``adglot.v1.Graph``), 3 every input and 4 every output (``adglot.v1.Tensor``).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adglot import ops
from adglot.codec.graphs import dumps
from adglot.codec.tensors import tensor_to_proto
from adglot.ir import Graph, Type
from adglot.ops.core import Array, Op, Sample


def write(path: Path) -> int:
    """Write every sample of every op; how many there were."""
    fields = [_field(1, _sample(*case)) for case in samples()]
    path.write_bytes(b"".join(fields))
    return len(fields)


def samples() -> Iterator[tuple[str, Graph, list[Array]]]:
    """Name, graph and point of every sample of the table."""
    for op in ops.TABLE.values():
        for k, sample in enumerate(op.samples()):
            yield f"{op.name}[{k}]", graph_of(op, sample), list(map(np.asarray, sample.operands))


def graph_of(op: Op, sample: Sample) -> Graph:
    """The graph of one op on inputs like those of a sample.

    >>> negative = ops.TABLE["negative"]
    >>> graph_of(negative, Sample((np.ones(2),)))
    <Graph negative(float64[2]) -> (float64[2]), 1 nodes>
    """
    builder = ops.Builder()
    inputs = [builder.input(Type.of(x)) for x in sample.operands]
    outputs = builder.emit(op, inputs, op.complete(sample.attributes))
    return builder.build(inputs, outputs, name=op.name)


def _sample(name: str, graph: Graph, point: Sequence[Array]) -> bytes:
    values = ops.evaluate(graph, point)
    return b"".join(
        [
            _field(1, name.encode()),
            _field(2, dumps(graph)),
            *(_field(3, _tensor(x)) for x in point),
            *(_field(4, _tensor(y)) for y in values),
        ]
    )


def _tensor(array: Any) -> bytes:
    data: bytes = tensor_to_proto(np.asarray(array)).SerializeToString()
    return data


def _field(number: int, data: bytes) -> bytes:
    """A length-delimited field of protobuf's wire format."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


if __name__ == "__main__":
    print(f"{write(Path(sys.argv[1]))} samples written to {sys.argv[1]}")
