"""Write files on this machine that are there as a whole or not at all."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from adglot.calls import Array

PARTIAL = ".partial"
"""What a file is called until all of it is there, by Zarr as well."""

LARGE = 1 << 20
"""Bytes of a file from which it is worth to ask for its place first."""

KEEP_SIZE = 1
"""Of Linux: a file is as long as what was written, so that one that lost its power shows it."""


def save(path: Path, data: Array) -> None:
    """Write bytes to a file.

    In this thread: Zarr's three for a file take half as long again, and more where all cores work.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid4().hex}{PARTIAL}")
    try:
        with partial.open("wb", buffering=0) as file:
            if data.nbytes >= LARGE:
                _reserve(file.fileno(), data.nbytes)
            left = data.data
            while left:
                left = left[file.write(left) :]
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def tidy(folder: Path) -> None:
    """Remove what killed writers left behind."""
    for leftover in folder.rglob(f"*{PARTIAL}"):
        leftover.unlink(missing_ok=True)


def size(path: Path) -> int:
    """Bytes; -1 where there is no such file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _reserve(file: int, size: int) -> None:
    """Have a place on the disk for so many bytes, where that can be.

    To write is a third to a half faster then (ext4, 3 to 4.5 GB/s without): the file system does
    not account for page after page. Where the disk is full the write will say it.
    """
    fallocate = _fallocate()
    if fallocate is not None:
        fallocate(file, KEEP_SIZE, 0, size)


@lru_cache(maxsize=1)
def _fallocate() -> Any:
    """Of the C library; Python's has no KEEP_SIZE, and where it is not supported writes instead."""
    if sys.platform != "linux":
        return None
    found = getattr(ctypes.CDLL(None), "fallocate", None)
    if found is not None:
        found.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)
    return found
