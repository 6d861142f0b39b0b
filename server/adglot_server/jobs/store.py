"""The Zarr store of a job: where results and their status are, and thereby what is left to do.

A chunk of points is one chunk of every array, written as a whole; that of `status` comes last and
says that the others are there. Nothing in it depends on when or where it was computed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from adglot.calls import Array, Pattern
from adglot.errors import InvalidArgument, Violation
from adglot_server.jobs.extras import need
from adglot_server.jobs.layout import Part
from adglot_server.jobs.numpy_points import local

ATTRIBUTE = "adglot"
FORMAT = 2
"""Of stores; what is begun by another version is finished by that."""

PARTIAL = ".partial"
"""What a file is called until all of it is there, by Zarr as well."""

OK, GUARD, INVALID, UNSUPPORTED = 1, 2, 3, 4
STATUS = {"left": 0, "ok": OK, "guard": GUARD, "invalid": INVALID, "unsupported": UNSUPPORTED}
"""What is in the array `status`: not computed yet, computed, or why it cannot be."""


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What was computed at some points: an array [n, ...] a part, and how it went, [n] each."""

    arrays: Sequence[Array]
    status: Array
    errors: Mapping[int, str]
    """Of the points that failed, by their number in the chunk."""


class Store:
    """The arrays of a job, open to be written."""

    def __init__(self, group: Any) -> None:
        self._group = group
        self._root: Path | None = getattr(group.store, "root", None)  # of a store on a disk here
        self.attributes: dict[str, Any] = dict(group.attrs.get(ATTRIBUTE, {}))
        self._arrays = {name: group[name] for name in self.attributes.get("parts", [])}
        self._status, self._error = group["status"], group["error"]

    @property
    def count(self) -> int:
        """Points."""
        return int(self._status.shape[0])

    @property
    def chunk(self) -> int:
        """Points of a chunk; the last one may have fewer."""
        return int(self._status.chunks[0])

    @property
    def chunks(self) -> int:
        return -(-self.count // self.chunk)

    def span(self, index: int) -> range:
        """The points of a chunk."""
        return range(index * self.chunk, min(self.count, (index + 1) * self.chunk))

    def parts(self) -> list[Part]:
        """The arrays of results."""
        return [_part(name, array, self._group) for name, array in self._arrays.items()]

    def done(self) -> set[int]:
        """The chunks that are there: marked, and on a disk here also whole.

        Where the machine lost its power files may be empty that were written before their mark.
        """
        marked = {int(name) for name in self._names("status/c") if name.isdigit()}
        root = self._root
        return marked if root is None else {k for k in marked if self._whole(root, k)}

    def _whole(self, root: Path, index: int) -> bool:
        arrays = (one for one in (*self._arrays.values(), self._status) if one.size)
        return all(_size(root / _key(one, index)) == _chunk_bytes(one) for one in arrays)

    def failed(self, index: int) -> int:
        """How many points of a finished chunk failed."""
        span = self.span(index)
        return int(np.count_nonzero(self._status[span.start : span.stop] != OK))

    def write(self, index: int, results: Results) -> None:
        """Put a chunk there; may be done again, and by several at one time: they write the same."""
        if results.errors:
            span = self.span(index)
            errors = np.full(len(span), "", object)
            for point, text in results.errors.items():
                errors[point] = text
            self._error[span.start : span.stop] = errors
        parts = zip(self._arrays.values(), results.arrays, strict=True)
        data = [(_key(one, index), _data(one, part)) for one, part in parts if one.size]
        mark = _key(self._status, index), _data(self._status, results.status)
        if self._root is None:
            _sync(_send(self._group.store, data, mark))
        else:
            for key, one in (*data, mark):
                _save(self._root / key, one)

    def _names(self, folder: str) -> list[str]:
        async def names() -> list[str]:
            store = self._group.store
            return [name.rstrip("/") async for name in store.list_dir(folder)]

        found: list[str] = _sync(names())
        return found


def _sync(work: Any) -> Any:
    """What this coroutine comes to, in the event loop of Zarr."""
    return need("zarr.core.sync").sync(work)


async def _send(store: Any, data: Sequence[tuple[str, Array]], mark: tuple[str, Array]) -> None:
    """All of the data at one time, since an object store is slow to answer; then the mark."""
    wrap = need("zarr.buffer.cpu").Buffer.from_array_like
    await asyncio.gather(*(store.set(key, wrap(one)) for key, one in data))
    await store.set(mark[0], wrap(mark[1]))


def _save(path: Path, data: Array) -> None:
    """Write a file that is there as a whole or not at all.

    In this thread: Zarr's three for a file take half as long again, and more where all cores work.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid4().hex}{PARTIAL}")
    try:
        with partial.open("wb", buffering=0) as file:
            left = data.data
            while left:
                left = left[file.write(left) :]
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _data(array: Any, part: Array) -> Array:
    """The bytes of a chunk of an array without compression: what is past its end are zeros.

    Through ``array[...] = part`` they would be copied first, and written at half the rate.
    """
    whole = np.ascontiguousarray(part, array.dtype)
    if len(whole) < array.chunks[0]:
        whole = np.zeros(array.chunks, array.dtype)
        whole[: len(part)] = part
    return whole.reshape(-1).view(np.uint8)


def _key(array: Any, index: int) -> str:
    """Where a chunk of points is in the store."""
    key = array.metadata.encode_chunk_key((index, *(0 for _ in array.shape[1:])))
    return f"{array.path}/{key}"


def _chunk_bytes(array: Any) -> int:
    return int(array.dtype.itemsize * prod(array.chunks))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _part(path: str, array: Any, group: Any) -> Part:
    attributes, pattern = dict(array.attrs), None
    if attributes.pop("layout", None) == "csr":
        columns = attributes.pop("shape")[1]
        base = path.removesuffix(".data")
        pattern = Pattern(group[f"{base}.indptr"][:], group[f"{base}.indices"][:], columns)
    labels = tuple(attributes.items())
    return Part(path, array.dtype, array.shape[1:], array.metadata.dimension_names, labels, pattern)


def tidy(url: str) -> None:
    """Remove what killed writers left behind in a store; an object store keeps none of that."""
    path = local(url)
    for leftover in Path(path).rglob(f"*{PARTIAL}") if path else ():
        leftover.unlink(missing_ok=True)


def find(url: str) -> Store | None:
    """The store of a job, or None where there is nothing; InvalidArgument for anything else."""
    zarr = need("zarr")
    try:
        group = zarr.open_group(_location(url), mode="r+")
    except FileNotFoundError:
        if _occupied(url):
            raise _refused(url, "is there, and is not the store of a job") from None
        return None
    except (OSError, ValueError) as error:
        raise _refused(url, f"cannot be opened: {error}") from None
    if ATTRIBUTE not in group.attrs:
        raise _refused(url, "is a Zarr group, and not the store of a job")
    found = group.attrs[ATTRIBUTE]
    if found.get("complete") and found.get("format") != FORMAT:
        what = f"has the format {found.get('format')}, and this adglot writes {FORMAT}"
        raise _refused(url, f"{what}: finish it with the adglot that began it")
    return Store(group) if found.get("complete") else None


def create(
    url: str,
    count: int,
    chunk: int,
    parts: Sequence[Part],
    graph: bytes,
    attributes: Mapping[str, Any],
) -> Store:
    """A new store; one that was not finished is made anew. InvalidArgument where it cannot be."""
    zarr = need("zarr")
    begun = {"format": FORMAT, "complete": False}
    try:
        group = zarr.open_group(_location(url), mode="w", attributes={ATTRIBUTE: begun})
        _create_arrays(group, count, chunk, parts)
        _constant(group, "graph", np.frombuffer(graph, np.uint8))
        names = [part.path for part in parts]
        found = {**begun, "complete": True, "parts": names, "status": STATUS, **attributes}
        group.attrs[ATTRIBUTE] = found
    except OSError as error:
        raise _refused(url, f"cannot be written: {error.strerror or error}") from None
    return Store(group)


def _create_arrays(group: Any, count: int, chunk: int, parts: Sequence[Part]) -> None:
    array = partial(_create, group, count, chunk)
    for part in parts:
        attributes: dict[str, Any] = dict(part.labels)
        if part.pattern is not None:
            base = part.path.removesuffix(".data")
            _constant(group, f"{base}.indptr", part.pattern.indptr)
            _constant(group, f"{base}.indices", part.pattern.indices)
            attributes["layout"] = "csr"
            attributes["shape"] = list(part.pattern.shape)
        array(part.path, part.dtype, part.shape, part.dimensions, attributes)
    array("error", "str", (), ("point",), {})
    array("status", np.dtype(np.uint8), (), ("point",), {"codes": STATUS})


def _create(
    group: Any,
    count: int,
    chunk: int,
    path: str,
    dtype: Any,
    shape: tuple[int, ...],
    dimensions: tuple[str, ...],
    attributes: Mapping[str, Any],
) -> None:
    text = dtype == "str"
    group.create_array(
        path,
        shape=(count, *shape),
        chunks=(chunk, *(max(1, n) for n in shape)),
        dtype=dtype,
        fill_value="" if text else 0,
        dimension_names=dimensions,
        attributes=dict(attributes),
        compressors="auto" if text else None,
        # A look at every number for whether all are zero would cost as much as writing them.
        config={"write_empty_chunks": not text},
    )


def _constant(group: Any, path: str, array: Array) -> None:
    group.create_array(path, data=array, dimension_names=(f"{path}.entry",))


def _location(url: str) -> str:
    return local(url) or url


def _occupied(url: str) -> bool:
    path = local(url)
    if path is not None:
        return Path(path).is_file() or (Path(path).is_dir() and bool(os.listdir(path)))  # noqa: PTH208
    fs, place = need("fsspec.core").url_to_fs(url)
    return bool(fs.exists(place))


def _refused(url: str, why: str) -> InvalidArgument:
    return InvalidArgument(Violation("out", f"{url} {why}"))
