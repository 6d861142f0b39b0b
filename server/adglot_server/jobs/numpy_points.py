"""Points in files .npy and .npz, read by ranges from this machine or a URL."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.lib import format as npy

from adglot.calls import Array
from adglot.errors import InvalidArgument
from adglot_server.jobs.extras import need
from adglot_server.jobs.points import Column, Points, reading

LOCAL_HEADER = struct.Struct("<26xHH")
"""Of a member of a zip file: the lengths of its name and of what else stands before its data."""


class Held(Protocol):
    """An array that is somewhere: parts of it are brought when they are asked for."""

    def __getitem__(self, part: slice) -> Array: ...


@dataclass(frozen=True, slots=True)
class Remote:
    """An array in C order behind a URL, from a byte of the file on."""

    url: str
    start: int
    column: Column

    def __getitem__(self, part: slice) -> Array:
        fs, path = need("fsspec.core").url_to_fs(self.url)
        size = self.column.nbytes
        first, last = self.start + part.start * size, self.start + part.stop * size
        data = fs.cat_file(path, start=first, end=last)
        return np.frombuffer(data, self.column.dtype).reshape(-1, *self.column.shape)


class Packed:
    """A compressed member of a zip file: held in memory, but not before a part is asked for.

    So a small file that would fill the memory can be refused by its header.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name

    def __getitem__(self, part: slice) -> Array:
        return self._whole[part]

    @cached_property
    def _whole(self) -> Array:
        with _file(self._url) as file, zipfile.ZipFile(file) as archive:
            array: Array = npy.read_array(archive.open(self._name), allow_pickle=False)
        return array


@dataclass(frozen=True, slots=True)
class Local:
    """An array in C order in a file here. It is read: what is mapped would count as our memory."""

    path: str
    start: int
    column: Column

    def __getitem__(self, part: slice) -> Array:
        column, count = self.column, part.stop - part.start
        first = self.start + part.start * column.nbytes
        numbers = np.fromfile(self.path, column.dtype, count * prod(column.shape), offset=first)
        return numbers.reshape(count, *column.shape)


class Arrays:
    """See `Points`."""

    def __init__(self, url: str, held: Mapping[str, tuple[Column, Held]]) -> None:
        self._url, self._held = url, held
        self.columns = {name: column for name, (column, _) in held.items()}

    def read(self, name: str, start: int, stop: int) -> Array:
        with reading(self._url):
            return self._held[name][1][start:stop]


def open_points(url: str) -> Points:
    """The array of a file .npy under the name ``""``, or those of a file .npz under theirs."""
    with reading(url, zipfile.BadZipFile), _file(url) as file:
        if not url.endswith(".npz"):
            held = _array(url, file, 0)
            if held is None:
                raise ValueError("an array of points needs an axis of points")
            return Arrays(url, {"": held})
        with zipfile.ZipFile(file) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
            arrays = {m.filename[:-4]: _member(url, file, archive, m) for m in members}
        return Arrays(url, {name: one for name, one in arrays.items() if one is not None})


def local(url: str) -> str | None:
    """The path, if it is one on this machine."""
    if url.startswith("file://"):
        return url.removeprefix("file://")
    return None if "://" in url or "::" in url else url


def _file(url: str) -> Any:
    path = local(url)
    return open(path, "rb") if path else need("fsspec").open(url, "rb").open()  # noqa: PTH123


def _array(url: str, file: Any, start: int) -> tuple[Column, Held] | None:
    """The array whose header starts at this byte; None where it has no axis."""
    file.seek(start)
    shape, fortran, dtype = _header(file)
    if not shape:
        return None
    column, begin = Column(shape[0], dtype, shape[1:]), file.tell()
    size = file.seek(0, os.SEEK_END)
    if begin + dtype.itemsize * prod(shape) > size:
        raise InvalidArgument(f"cannot read {url}: it is cut short")
    path = local(url)
    if path is None:
        if fortran and len(shape) > 1:
            raise InvalidArgument(f"cannot read {url}: save it in C order, to be read by ranges")
        return column, Remote(url, begin, column)
    if not prod(shape):
        return column, np.zeros(shape, dtype)
    if fortran and len(shape) > 1:
        return column, np.memmap(path, dtype, "r", begin, shape, "F")
    return column, Local(path, begin, column)


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.hasobject or dtype.names:
        raise ValueError(f"it has the dtype {dtype}, and points are numbers")
    return shape, fortran, dtype


def _member(
    url: str, file: Any, archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> tuple[Column, Held] | None:
    """The array of a member, None where it has no axis."""
    if member.compress_type == zipfile.ZIP_STORED:
        file.seek(member.header_offset)
        before = sum(LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size)))
        return _array(url, file, member.header_offset + LOCAL_HEADER.size + before)
    with archive.open(member) as data:
        shape, _, dtype = _header(data)
        begin = data.tell()
    if not shape:
        return None
    if begin + dtype.itemsize * prod(shape) > member.file_size:
        raise InvalidArgument(f"cannot read {url}: {member.filename} is cut short")
    return Column(shape[0], dtype, shape[1:]), Packed(url, member.filename)
