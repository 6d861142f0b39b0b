"""Addresses in this process, as compiled code has them."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


def pointer(at: int) -> str:
    """An address as a constant of LLVM's."""
    return f"inttoptr (i64 {at} to ptr)"


@cache
def python_function(name: str) -> str:
    """A function of Python's C API."""
    at = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
    assert at is not None
    return pointer(at)


def in_capsule(capsule: Any, name: bytes | None) -> int | None:
    """What a capsule of this name holds."""
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.argtypes, get.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
    address: int | None = get(capsule, name)
    return address


def field(name: str, kind: str, thing: str, offset: int) -> str:
    """Lines that read what stands a number of bytes behind an address."""
    at = f"{name}.at = getelementptr i8, ptr {thing}, i64 {offset}"
    return f"{at}\n{name} = load {kind}, ptr {name}.at"
