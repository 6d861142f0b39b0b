"""The Zarr store of a job: where results and their status are, and thereby what is left to do.

A chunk of points is one chunk of every array, written as a whole; that of `status` comes last and
says that the others are there. Nothing in it depends on when or where it was computed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from adglot.calls import Array, Pattern
from adglot.errors import InvalidArgument, Violation
from adglot_server.jobs import files
from adglot_server.jobs.extras import need
from adglot_server.jobs.layout import Part
from adglot_server.jobs.numpy_points import local

ATTRIBUTE = "adglot"
FORMAT = 2
"""Of stores; what is begun by another version is finished by that."""

OK, GUARD, INVALID, UNSUPPORTED = 1, 2, 3, 4
STATUS = {"left": 0, "ok": OK, "guard": GUARD, "invalid": INVALID, "unsupported": UNSUPPORTED}
"""What is in the array `status`: not computed yet, computed, or why it cannot be."""

MARK = Part("status", np.dtype(np.uint8), (), ("point",), ())
"""The array that says which chunks are there."""


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What was computed at some points: an array [n, ...] a part, and how it went, [n] each."""

    arrays: Sequence[Array]
    status: Array
    errors: Mapping[int, str]
    """Of the points that failed, by their number in the chunk."""


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """The store of a job as data: a worker that is sent one writes there without opening it."""

    url: str
    count: int
    """Points."""
    chunk: int
    """Points of a chunk; the last one may have fewer."""
    parts: tuple[Part, ...]
    """The arrays of results."""
    attributes: Mapping[str, Any] = field(repr=False)

    @property
    def chunks(self) -> int:
        return -(-self.count // self.chunk)

    def span(self, index: int) -> range:
        """The points of a chunk."""
        return range(index * self.chunk, min(self.count, (index + 1) * self.chunk))

    def is_here(self) -> bool:
        """Whether this machine has it, or reaches it."""
        path = local(self.url)
        return find(self.url) is not None if path is None else (Path(path) / "zarr.json").is_file()

    def done(self) -> set[int]:
        """The chunks that are there: marked, and on a disk here also whole.

        Where the machine lost its power files may be empty that were written before their mark.
        """
        marked = {int(name) for name in _names(self.url, "status/c") if name.isdigit()}
        path = local(self.url)
        return marked if path is None else {k for k in marked if self._whole(Path(path), k)}

    def _whole(self, root: Path, index: int) -> bool:
        arrays = (one for one in (*self.parts, MARK) if one.nbytes)
        return all(files.size(root / _key(one, index)) == self.chunk * one.nbytes for one in arrays)

    def failed(self, indices: Iterable[int]) -> int:
        """How many points of these finished chunks failed."""
        status = _group(self.url, "r")["status"]
        spans = map(self.span, indices)
        return sum(int(np.count_nonzero(status[one.start : one.stop] != OK)) for one in spans)

    def write(self, index: int, results: Results) -> None:
        """Put a chunk there; may be done again, and by several at one time: they write the same."""
        if results.errors:
            self._explain(index, results.errors)
        parts = zip((*self.parts, MARK), (*results.arrays, results.status), strict=True)
        *data, mark = [(_key(one, index), self._data(one, x)) for one, x in parts if one.nbytes]
        path = local(self.url)
        if path is None:
            _sync(_send(self.url, data, mark))
        else:
            for key, one in (*data, mark):
                files.save(Path(path) / key, one)

    def _explain(self, index: int, errors: Mapping[int, str]) -> None:
        span = self.span(index)
        texts = np.full(len(span), "", object)
        for point, text in errors.items():
            texts[point] = text
        _group(self.url, "r+")["error"][span.start : span.stop] = texts

    def _data(self, part: Part, array: Array) -> Array:
        """The bytes of a chunk of an array without compression: what is past its end are zeros.

        Through ``array[...] = part`` of Zarr they would be copied first, and written at half the
        rate.
        """
        whole = np.ascontiguousarray(array, part.dtype)
        if len(whole) < self.chunk:
            whole = np.zeros((self.chunk, *part.shape), part.dtype)
            whole[: len(array)] = array
        return whole.reshape(-1).view(np.uint8)


def _names(url: str, folder: str) -> list[str]:
    """Of what a folder of a store has."""
    store = _group(url, "r").store

    async def names() -> list[str]:
        return [name.rstrip("/") async for name in store.list_dir(folder)]

    found: list[str] = _sync(names())
    return found


def _sync(work: Any) -> Any:
    """What this coroutine comes to, in the event loop of Zarr."""
    return need("zarr.core.sync").sync(work)


async def _send(url: str, data: Sequence[tuple[str, Array]], mark: tuple[str, Array]) -> None:
    """All of the data at one time, since an object store is slow to answer; then the mark."""
    store = need("zarr.storage").FsspecStore.from_url(url)
    wrap = need("zarr.buffer.cpu").Buffer.from_array_like
    await asyncio.gather(*(store.set(key, wrap(one)) for key, one in data))
    await store.set(mark[0], wrap(mark[1]))


def _key(part: Part, index: int) -> str:
    """Where a chunk of points is in the store: the default encoding of Zarr's specification."""
    return "/".join((part.path, "c", str(index), *("0" for _ in part.shape)))


def _opened(url: str, group: Any) -> Store:
    attributes = dict(group.attrs[ATTRIBUTE])
    parts = tuple(_part(name, group[name], group) for name in attributes["parts"])
    status = group["status"]
    return Store(url, int(status.shape[0]), int(status.chunks[0]), parts, attributes)


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
    if path is not None:
        files.tidy(Path(path))


def find(url: str) -> Store | None:
    """The store of a job, or None where there is nothing; InvalidArgument for anything else."""
    try:
        group = _group(url, "r+")
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
    return _opened(url, group) if found.get("complete") else None


def create(
    url: str,
    count: int,
    chunk: int,
    parts: Sequence[Part],
    graph: bytes,
    attributes: Mapping[str, Any],
) -> Store:
    """A new store; one that was not finished is made anew. InvalidArgument where it cannot be."""
    begun = {"format": FORMAT, "complete": False}
    try:
        group = _group(url, "w", attributes={ATTRIBUTE: begun})
        _create_arrays(group, count, chunk, parts)
        _constant(group, "graph", np.frombuffer(graph, np.uint8))
        names = [part.path for part in parts]
        found = {**begun, "complete": True, "parts": names, "status": STATUS, **attributes}
        group.attrs[ATTRIBUTE] = found
    except OSError as error:
        raise _refused(url, f"cannot be written: {error.strerror or error}") from None
    return Store(url, count, chunk, tuple(parts), found)


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
    array(MARK.path, MARK.dtype, MARK.shape, MARK.dimensions, {"codes": STATUS})


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


def _group(url: str, mode: str, **more: Any) -> Any:
    return need("zarr").open_group(local(url) or url, mode=mode, **more)


def _occupied(url: str) -> bool:
    path = local(url)
    if path is not None:
        return Path(path).is_file() or (Path(path).is_dir() and bool(os.listdir(path)))  # noqa: PTH208
    fs, place = need("fsspec.core").url_to_fs(url)
    return bool(fs.exists(place))


def _refused(url: str, why: str) -> InvalidArgument:
    return InvalidArgument(Violation("out", f"{url} {why}"))
