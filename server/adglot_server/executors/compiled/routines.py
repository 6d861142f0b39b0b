"""BLAS and LAPACK as SciPy has them, by their addresses: compiled code calls them without Python.

Of the machine's own, or of NumPy's, nobody tells the addresses. A routine counts only where its
signature is the known one: in a library of 64-bit integers it would be another.
"""

from __future__ import annotations

import ctypes
import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from adglot_server.executors.compiled.addresses import in_capsule, pointer
from adglot_server.executors.compiled.lanes import Code, Module, literal

LETTERS = {"double": "d", "float": "s"}

SIGNATURES = {
    "gemm": "char *, char *, int *, int *, int *, T *, T *, int *, T *, int *, T *, T *, int *",
    "trsm": "char *, char *, char *, char *, int *, int *, T *, T *, int *, T *, int *",
    "potrf": "char *, int *, T *, int *, int *",
    "getrf": "int *, int *, T *, int *, int *, int *",
    "getrs": "char *, int *, int *, T *, int *, int *, T *, int *, int *",
}
"""Arguments of each routine, T its floats; all return nothing."""


@cache
def available() -> bool:
    """Whether SciPy is installed, and all its routines are as they are called here."""
    if find_spec("scipy") is None:
        return False
    return all(_address(stem, name) is not None for stem in SIGNATURES for name in LETTERS)


def call(code: Code, stem: str, element: str, *arguments: str) -> None:
    """Emit the call of a routine for floats of this element; see `flag`, `number`, `factor`."""
    address = _address(stem, element)
    assert address is not None
    given = ", ".join(f"ptr {x}" for x in arguments)
    code.emit(f"call void {pointer(address)}({given})")


def flag(module: Module, letter: str) -> str:
    """The address of a letter."""
    return _constant(module, f"flag.{letter}", f"[1 x i8] c'{letter}'".replace("'", '"'))


def number(module: Module, n: int) -> str:
    """The address of an integer."""
    return _constant(module, f"int.{n}", f"i32 {n}")


def factor(module: Module, element: str, x: float) -> str:
    """The address of a float."""
    return _constant(module, f"{element}.{x:g}", f"{element} {literal(x, element)}")


def _constant(module: Module, name: str, text: str) -> str:
    module.parts.setdefault(f"blas.{name}", f'@"blas.{name}" = internal constant {text}')
    return f'@"blas.{name}"'


@cache
def _address(stem: str, element: str) -> int | None:
    name = LETTERS[element] + stem
    for library in ("cython_blas", "cython_lapack"):
        capsules: dict[str, Any] = import_module(f"scipy.linalg.{library}").__pyx_capi__
        if name in capsules:
            signature = _name(capsules[name])
            address = in_capsule(capsules[name], signature)
            return address if _plain(signature) == f"void ({SIGNATURES[stem]})" else None
    return None


def _plain(signature: bytes) -> str:
    """With T for Cython's name of the floats."""
    return re.sub(r"__pyx_t_\w+?_[sd]\b|\bdouble\b|\bfloat\b", "T", signature.decode())


def _name(capsule: Any) -> bytes:
    get = ctypes.pythonapi.PyCapsule_GetName
    get.argtypes, get.restype = [ctypes.py_object], ctypes.c_char_p
    name: bytes = get(capsule)
    return name
