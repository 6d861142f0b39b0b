"""What a job computes, as data that goes to and from JSON."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, cast

import numpy as np

from adglot.calls import DEFAULT_ENGINE, MODES, OPERATORS, Array, Mode, Operator
from adglot.errors import InvalidArgument, Violation
from adglot.ir import DTYPES, Graph


@dataclass(frozen=True, slots=True)
class Tensor:
    """An array that holds for all points, as data: what a spec can be hashed and compared with."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @staticmethod
    def of(array: Any) -> Tensor:
        """The same as data; InvalidArgument for a dtype that no graph has."""
        array = np.asarray(array)
        if array.dtype.name not in {np.dtype(dtype).name for dtype in DTYPES}:
            raise InvalidArgument(f"no graph has the dtype {array.dtype}")
        return Tensor(array.dtype.name, array.shape, array.tobytes())

    @property
    def array(self) -> Array:
        return np.frombuffer(self.data, self.dtype).reshape(self.shape)


Tensors = tuple[tuple[str, Tensor], ...]
"""Arrays by the names of inputs or outputs."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A job: which operator of which function, at which points, and where the results go.

    - `graph`: the function, as `adglot.Graph.save` writes it
    - `points`: path or fsspec URL of a file .npy, .npz or .parquet, or of a Zarr array or group
    - `out`: path or fsspec URL of the Zarr store that is made
    - `wrt`, `of`: inputs and outputs by name; none: all floats that have points, all floats
    - `fixed`: inputs that are the same at all points
    - `seeds`: tangents by input or cotangents by output, the same at all points; without them
      they are columns ``tangent.NAME`` or ``cotangent.NAME`` of the points
    - `columns`: names of the columns that make up an input, where they are not the input's name
    - `chunk`: points that are computed and written together; None until the job is planned
    - `target`: the server that computes; None for the process that works on the chunk
    - `function`: ``module:function`` for tracing again where a branch differs. Workers import it,
      so it must never come from somebody who may not run code there.

    Raises InvalidArgument for an operator, mode or chunk that cannot be.
    """

    graph: bytes = field(repr=False)
    points: str
    out: str
    operator: Operator = "jacobian"
    engine: str = DEFAULT_ENGINE
    wrt: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    mode: Mode = "auto"
    sparse: bool = False
    values: bool = True
    fixed: Tensors = ()
    seeds: Tensors = ()
    columns: tuple[tuple[str, tuple[str, ...]], ...] = ()
    chunk: int | None = None
    target: str | None = None
    function: str | None = None

    def __post_init__(self) -> None:
        faults = [
            Violation(name, f"must be one of {', '.join(known)}, got {value!r}")
            for name, value, known in (
                ("operator", self.operator, OPERATORS),
                ("mode", self.mode, MODES),
            )
            if value not in known
        ]
        if self.chunk is not None and self.chunk < 1:
            faults.append(Violation("chunk", f"must be 1 at least, got {self.chunk}"))
        if faults:
            raise InvalidArgument(faults)

    def load(self) -> Graph:
        """The function; InvalidArgument where its bytes are not one, with the place."""
        from adglot.codec.graphs import loads
        from adglot.ops import check

        try:
            return check(loads(self.graph))
        except InvalidArgument as error:
            raise error.within("graph") from None

    def to_json(self) -> str:
        """One JSON object; bytes are in base64."""
        return json.dumps(self.to_dict(), sort_keys=True)

    def to_dict(self) -> dict[str, Any]:
        """What `to_json` writes."""
        return cast(dict[str, Any], _plain(asdict(self)))

    @staticmethod
    def from_json(text: str) -> JobSpec:
        """What `to_json` wrote; InvalidArgument for anything else.

        >>> spec = JobSpec(b"graph", "x.npy", "J.zarr", wrt=("x",), chunk=8)
        >>> JobSpec.from_json(spec.to_json()) == spec
        True
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise InvalidArgument(f"a job's spec is JSON: {error}") from None
        return JobSpec.from_dict(data)

    @staticmethod
    def from_dict(data: Any) -> JobSpec:
        """What `to_dict` made; InvalidArgument for anything else."""
        if not isinstance(data, Mapping):
            raise InvalidArgument(f"a job's spec is an object, got {type(data).__name__}")
        _check_names(data)
        read: dict[str, Callable[[Any], Any]]
        read = {"graph": _bytes, "fixed": _tensors, "seeds": _tensors, "columns": _columns}
        try:
            return JobSpec(**{key: read.get(key, _tuple)(value) for key, value in data.items()})
        except (TypeError, ValueError, KeyError, binascii.Error) as error:
            if isinstance(error, InvalidArgument):
                raise
            raise InvalidArgument(f"not the spec of a job: {error}") from None


def _check_names(data: Mapping[str, Any]) -> None:
    own = fields(JobSpec)
    missing = [f.name for f in own if f.default is MISSING and f.name not in data]
    unknown = sorted(set(data) - {f.name for f in own})
    if missing or unknown:
        faults = [Violation(name, "is missing") for name in missing]
        raise InvalidArgument([*faults, *(Violation(name, "is unknown") for name in unknown)])


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case tuple() | list():
            return [_plain(item) for item in value]
        case _:
            return value


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _tensors(pairs: list[Any]) -> Tensors:
    return tuple((name, _tensor(**tensor)) for name, tensor in pairs)


def _tensor(dtype: str, shape: list[int], data: str) -> Tensor:
    tensor = Tensor(dtype, tuple(shape), _bytes(data))
    return Tensor.of(tensor.array)  # refuses what does not fit together


def _columns(pairs: list[Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, tuple(columns)) for name, columns in pairs)
