"""Take large fields out of a serialized protobuf message, or put them in, without copying them.

The protobuf runtime copies every ``bytes`` field, twice for nested messages. Serialized messages
may be concatenated and their fields stand in any order, so big fields are cut out of the buffer
(or joined to it) by hand, and the runtime sees the small rest only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from adglot.errors import InvalidArgument

Buffer = bytes | memoryview

M = TypeVar("M", bound=Message)

MAX_FIELDS = 1 << 18
"""More fields than any honest message has on one level; bounds the time of a scan."""

DELIMITED, FIXED64 = 2, 1
_VARINT, _FIXED32 = 0, 5


def varint(value: int) -> bytes:
    """A non-negative integer, seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def delimited(number: int, *parts: Buffer) -> list[Buffer]:
    """The pieces of one length-delimited field: tag, length and the parts as they are."""
    return [varint(number << 3 | DELIMITED) + varint(sum(map(nbytes, parts))), *parts]


def nbytes(piece: Buffer) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.nbytes


def cut(message: memoryview, numbers: Collection[int]) -> tuple[bytes, dict[int, list[memoryview]]]:
    """The message without its length-delimited fields `numbers`, and views of these.

    Raises InvalidArgument where the bytes are not a protobuf message.
    """
    found: dict[int, list[memoryview]] = {number: [] for number in numbers}
    rest: list[memoryview] = []
    for tag, start, at, after in fields(message):
        if tag & 7 == DELIMITED and tag >> 3 in found:
            found[tag >> 3].append(message[at:after])
        else:
            rest.append(message[start:after])
    return b"".join(rest), found


def fields(message: memoryview) -> Iterator[tuple[int, int, int, int]]:
    """Of every field its tag, and where it starts, where its contents start and where they end.

    Raises InvalidArgument where the bytes are not a protobuf message.
    """
    at = 0
    for _ in range(MAX_FIELDS):
        if at >= len(message):
            return
        start = at
        tag, at = _read_varint(message, at)
        at, after = _extent(message, tag & 7, at)
        yield tag, start, at, after
        at = after
    raise InvalidArgument(f"a message with more than {MAX_FIELDS} fields on one level")


def _extent(message: memoryview, wire_type: int, at: int) -> tuple[int, int]:
    """Where the field's contents begin and end."""
    if wire_type == _VARINT:
        end = _read_varint(message, at)[1]
    elif wire_type == DELIMITED:
        length, at = _read_varint(message, at)
        end = at + length
    elif wire_type == FIXED64:
        end = at + 8
    elif wire_type == _FIXED32:
        end = at + 4
    else:
        raise InvalidArgument(f"not a protobuf message: wire type {wire_type} before byte {at}")
    if end > len(message):
        raise InvalidArgument(f"the message is cut short: it ends before byte {end}")
    return at, end


def _read_varint(message: memoryview, start: int) -> tuple[int, int]:
    """The integer at `start`, and where it ends."""
    value = shift = 0
    for at in range(start, min(start + 10, len(message))):
        byte = message[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at + 1
        shift += 7
    raise InvalidArgument(f"not a protobuf message: no integer at byte {start}")


def parse(kind: type[M], message: bytes) -> M:
    """The message of these bytes; InvalidArgument where they are none."""
    try:
        return kind.FromString(message)
    except DecodeError:
        raise InvalidArgument(f"not a valid {kind.DESCRIPTOR.full_name} message") from None
