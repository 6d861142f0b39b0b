"""A kernel as a function of Python's own: it looks at arrays and makes arrays in compiled code.

A call through `ctypes` takes microseconds, most of them for arguments and results. Here CPython
calls machine code that is the same for all kernels, and made once (`entry_code`): what it has to
look at and to make stands in numbers that belong to the function.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from adglot.ir import Type
from adglot_server.executors.compiled.entry_code import LINE, POINTS, text
from adglot_server.executors.compiled.machine import STRAIGHT, MachineCode, compile_text

METH_FASTCALL = 0x0080

RELEASED = 100_000
"""Scalar operations from which on others may run Python meanwhile: tens of microseconds of work."""


class Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class Owner(np.ndarray[Any, np.dtype[np.int64]]):
    """The numbers of a function of Python's, and what it needs; it is the function's `__self__`."""

    method: Method
    held: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is called is a kernel over points: outputs have a leading axis of these.

    - `moving`: the inputs that have one, too
    - `most`: points of a call, at most; others are not taken
    """

    moving: Sequence[bool]
    most: int


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function of Python's takes and gives, and how it calls a kernel for that.

    It takes the inputs, and returns a list of the outputs, or the output where there is but one:
    arrays, or with `scalars` NumPy's scalars for those without axes. None if some input is no plain
    array of its type, or the kernel says that its results do not hold.

    The kernel `run` is given how many points there are (0 without a `batch`), and the address of
    addresses: of the data of `arguments`, which are positions of inputs, of outputs, and of a
    workspace of so many bytes. It does `work` scalar operations. At the address `called` every call
    writes a byte 1. With a `batch` the types are those of one point.
    """

    inputs: Sequence[Type]
    outputs: Sequence[Type]
    arguments: Sequence[int]
    workspace: int
    work: int
    scalars: bool = False
    called: int = 0
    batch: Batch | None = None

    def function(self, run: int, *held: Any) -> Callable[..., Any]:
        """The function that calls the kernel at an address; it keeps whatever else is given."""
        code = _entry(self.batch is not None)
        owner = np.array([run, *self._numbers()], np.int64).view(Owner)
        owner.method = Method(b"adglot", code.addresses["entry"], METH_FASTCALL, None)
        owner.held = (code, *held)
        make = ctypes.pythonapi.PyCFunction_NewEx
        make.argtypes = [ctypes.POINTER(Method), ctypes.py_object, ctypes.c_void_p]
        make.restype = ctypes.py_object
        function: Callable[..., Any] = make(ctypes.byref(owner.method), owner, None)
        return function

    def _numbers(self) -> Iterator[int]:
        """What `entry` reads behind the kernel's address."""
        slots = len(self.arguments) + len(self.outputs) + 2
        place = -(-8 * slots // LINE) * LINE
        moving = self.batch.moving if self.batch else [False] * len(self.inputs)
        first, most = (moving.index(True), self.batch.most) if self.batch else (0, 0)
        yield from (len(self.inputs), len(self.outputs), 8 * len(self.arguments))
        yield from (self.called or ctypes.addressof(_NOBODY), place + self.workspace, place)
        yield from (self.work >= RELEASED, first, most, self.scalars)
        nowhere = slots - 1
        slot = {k: at for at, k in enumerate(self.arguments)}
        for k, (type, on) in enumerate(zip(self.inputs, moving, strict=True)):
            yield from (8 * slot.get(k, nowhere), id(type.dtype), *_shape(type, on))
        for type in self.outputs:
            yield from (type.dtype.num, self.scalars and not type.shape)
            yield from _shape(type, self.batch is not None)


_NOBODY = ctypes.c_byte()
"""Who does not want to know of calls."""


def _shape(type: Type, moving: bool) -> tuple[int, ...]:
    """The rank, then the lengths."""
    lengths = (POINTS,) * moving + type.shape
    return len(lengths), *lengths


@cache
def _entry(batched: bool) -> MachineCode:
    """The function that CPython calls: of one point, or of batches; 10 ms, once."""
    return compile_text(text(batched), ["entry"], STRAIGHT)
