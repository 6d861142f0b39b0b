"""Write the op table's samples, with NumPy's values, to a file that Julia's tests read.

The file is a protobuf message without a proto of its own: field 1 is a sample, in it 1 its name,
2 the graph (``adglot.v1.Graph``), 3 every input and 4 every output (``adglot.v1.Tensor``).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from adglot import ops
from adglot.codec.graphs import dumps
from adglot.codec.tensors import tensor_to_proto
from adglot.ops.sampled import Sampled, sampled


def write(path: Path) -> int:
    """Write every sample of every op; how many there were."""
    fields = [_field(1, _sample(case)) for case in sampled(ops.TABLE)]
    path.write_bytes(b"".join(fields))
    return len(fields)


def _sample(case: Sampled) -> bytes:
    values = ops.evaluate(case.graph, case.point)
    return b"".join(
        [
            _field(1, case.name.encode()),
            _field(2, dumps(case.graph)),
            *(_field(3, _tensor(x)) for x in case.point),
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
