"""A kernel as a function of Python's own: it looks at arrays and makes arrays in compiled code.

A call through `ctypes` takes microseconds, most of them for arguments and results. Here CPython
calls machine code as it calls its builtin functions, and that reads NumPy's arrays where their
stable ABI has the fields (`PyArrayObject_fields`), and makes results by NumPy's C API.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from adglot.ir import Type
from adglot_server.executors.compiled.lanes import Code, Module

HEADER = object.__basicsize__
"""Where CPython's header of an object ends; the type is the last of it."""

DATA, RANK, DIMENSIONS, DTYPE, FLAGS = (HEADER + k for k in (0, 8, 16, 40, 48))
"""Fields of an array."""

PLAIN = 0x0001 | 0x0100
"""NPY_ARRAY_C_CONTIGUOUS and NPY_ARRAY_ALIGNED."""

ARRAY_TYPE, ARRAY_RETURN, ARRAY_NEW = 2, 76, 93
"""Places of PyArray_Type, PyArray_Return and PyArray_New in the table of NumPy's C API."""

METH_FASTCALL = 0x0080

RELEASED = 100_000
"""Scalar operations from which on others may run Python meanwhile: tens of microseconds of work."""

FEWEST = 8
"""Points of a batch for compiled code; so many are done at a time."""

MOST_STACK = 1 << 16
"""Bytes of a workspace that may lie on the stack."""


class Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class Owner:
    """What a function of Python's needs as long as it lives; it is the function's `__self__`."""

    def __init__(self, address: int, *held: Any) -> None:
        self.method = Method(b"adglot", address, METH_FASTCALL, None)
        self.held = held


def as_function(address: int, *held: Any) -> Callable[..., Any]:
    """The function at an address; it keeps whatever else is given."""
    owner = Owner(address, *held)
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.argtypes = [ctypes.POINTER(Method), ctypes.py_object, ctypes.c_void_p]
    make.restype = ctypes.py_object
    function: Callable[..., Any] = make(ctypes.byref(owner.method), owner, None)
    return function


@dataclass(frozen=True, slots=True)
class Batch:
    """What is called is a kernel over points: outputs have a leading axis of these.

    - `moving`: the inputs that have one, too
    - `most`: points of a call, at most; others are not taken
    """

    moving: Sequence[bool]
    most: int


def text(
    module: Module,
    inputs: Sequence[Type],
    outputs: Sequence[Type],
    arguments: Sequence[int],
    workspace: int,
    work: int,
    scalars: bool,
    called: int = 0,
    batch: Batch | None = None,
) -> str:
    """The function `entry`, which calls `run` with the data of `arguments`, outputs, a workspace.

    It takes the inputs, and returns a list of the outputs, or the output where there is but one:
    arrays, or with `scalars` NumPy's scalars for those without axes. None if some input is no plain
    array of its type, or `run` says that its results do not hold. `arguments` are positions of
    inputs, `work` is how many scalar operations `run` does. At the address `called` it writes a 1
    byte at every call. With a `batch` the types are those of one point, and `run` takes the number
    of points before all else.
    """
    code, module_parts = Code(module), _dimensions(outputs, batch is not None)
    _begin(code, len(inputs), outputs, called, batch)
    moving = batch.moving if batch else [False] * len(inputs)
    if batch:
        _count_points(code, moving.index(True), batch.most)
    objects = [
        _checked(code, k, type, on) for k, (type, on) in enumerate(zip(inputs, moving, strict=True))
    ]
    data = [_field(code, objects[k], DATA, "ptr") for k in arguments]
    code.emit(f"%made = call ptr {_python('PyList_New')}(i64 {len(outputs)})")
    _unless_null(code, "%made", "%made")
    arrays = [_new(code, k, type, batch is not None) for k, type in enumerate(outputs)]
    data += [_field(code, array, DATA, "ptr") for array in arrays]
    held = _run(code, "i64 %points, " if batch else "", data, workspace, work)
    code.emit(f"br i1 {held}, label %held, label %refused\nheld:")
    results = [
        _scalar(code, k, array) if scalars and not type.shape else array
        for k, (array, type) in enumerate(zip(arrays, outputs, strict=True))
    ]
    _end(code, results)
    body = "\n".join(code.lines)
    head = "define ptr @entry(ptr %self, ptr %args, i64 %count) nounwind"
    return f"{module_parts}{head} {{\nentry:\n{body}\n}}"


def _begin(
    code: Code, count: int, outputs: Sequence[Type], called: int, batch: Batch | None
) -> None:
    if called:
        code.emit(f"store i8 1, ptr {_address(called)}")
    for k, type in enumerate(outputs if batch else ()):
        code.emit(f"%shape{k} = alloca [{1 + len(type.shape)} x i64]")
    code.emit(f"%fits = icmp eq i64 %count, {count}")
    code.emit("br i1 %fits, label %counted, label %other\ncounted:")


def _end(code: Code, results: Sequence[str]) -> None:
    """Return the results, None where there are none, or nothing where an exception is set."""
    result = "%made"
    if len(results) == 1:
        (result,) = results
        code.emit(f"call void {_python('Py_IncRef')}(ptr {result})")
        code.emit(f"call void {_python('Py_DecRef')}(ptr %made)")
    code.emit(f"ret ptr {result}")
    code.emit(f"refused:\ncall void {_python('Py_DecRef')}(ptr %made)\nbr label %other")
    code.emit(f"other:\ncall void {_python('Py_IncRef')}(ptr {_address(id(None))})")
    code.emit(f"ret ptr {_address(id(None))}")
    code.emit(f"failed:\ncall void {_python('Py_DecRef')}(ptr %made)\nret ptr null")
    code.emit("empty:\nret ptr null")


def _count_points(code: Code, first: int, most: int) -> None:
    """How many the first input with points has, once it is an array with axes."""
    array = _argument(code, first)
    _require(code, _field(code, array, HEADER - 8, "i64"), "i64", _numpy()[0])
    rank = _field(code, array, RANK, "i32")
    _go_on_if(code, f"icmp sge i32 {rank}, 1")
    shape = _field(code, array, DIMENSIONS, "ptr")
    code.emit(f"%points = load i64, ptr {shape}")
    _go_on_if(code, f"icmp sge i64 %points, {FEWEST}")
    _go_on_if(code, f"icmp sle i64 %points, {most}")


def _argument(code: Code, k: int) -> str:
    at = code.define(f"getelementptr ptr, ptr %args, i64 {k}")
    return code.define(f"load ptr, ptr {at}")


def _checked(code: Code, k: int, type: Type, moving: bool) -> str:
    """An argument that is a plain array of this type; else on to `other`."""
    array, lengths = _argument(code, k), ("%points",) * moving + type.shape
    _require(code, _field(code, array, HEADER - 8, "i64"), "i64", _numpy()[0])
    _require(code, _field(code, array, RANK, "i32"), "i32", len(lengths))
    _require(code, _field(code, array, DTYPE, "i64"), "i64", id(type.dtype))
    flags = _field(code, array, FLAGS, "i32")
    _require(code, code.define(f"and i32 {flags}, {PLAIN}"), "i32", PLAIN)
    if lengths:
        shape = _field(code, array, DIMENSIONS, "ptr")
        for axis, length in enumerate(lengths):
            at = code.define(f"getelementptr i64, ptr {shape}, i64 {axis}")
            _require(code, code.define(f"load i64, ptr {at}"), "i64", length)
    return array


def _require(code: Code, value: str, kind: str, wanted: int | str) -> None:
    _go_on_if(code, f"icmp eq {kind} {value}, {wanted}")


def _go_on_if(code: Code, test: str) -> None:
    holds, label = code.define(test), code.fresh("fits")
    code.emit(f"br i1 {holds}, label %{label}, label %other\n{label}:")


def _field(code: Code, thing: str, offset: int, kind: str) -> str:
    at = code.define(f"getelementptr i8, ptr {thing}, i64 {offset}")
    return code.define(f"load {kind}, ptr {at}")


def _unless_null(code: Code, pointer: str, made: str = "") -> None:
    """Out of memory: NumPy or Python has set the exception."""
    null, label = code.define(f"icmp eq ptr {pointer}, null"), code.fresh("there")
    code.emit(f"br i1 {null}, label %{'empty' if made else 'failed'}, label %{label}\n{label}:")


def _new(code: Code, k: int, type: Type, batched: bool) -> str:
    """An array of nothing yet; the list has it."""
    kind, new, _ = _numpy()
    rank, shape = batched + len(type.shape), f"ptr {'%' if batched else '@'}shape{k}"
    for axis, length in enumerate(("%points", *type.shape) if batched else ()):
        at = code.define(f"getelementptr i64, {shape}, i64 {axis}")
        code.emit(f"store i64 {length}, ptr {at}")
    rest = f"i32 {type.dtype.num}, ptr null, ptr null, i32 0, i32 0, ptr null"
    array = code.define(
        f"call ptr {_address(new)}(ptr {_address(kind)}, i32 {rank}, {shape}, {rest})"
    )
    _unless_null(code, array)
    code.define(f"call i32 {_python('PyList_SetItem')}(ptr %made, i64 {k}, ptr {array})")
    return array


def _scalar(code: Code, k: int, array: str) -> str:
    """What an array without axes holds, instead of the array."""
    code.emit(f"call void {_python('Py_IncRef')}(ptr {array})")
    scalar = code.define(f"call ptr {_address(_numpy()[2])}(ptr {array})")
    _unless_null(code, scalar)
    code.define(f"call i32 {_python('PyList_SetItem')}(ptr %made, i64 {k}, ptr {scalar})")
    return scalar


def _dimensions(outputs: Sequence[Type], batched: bool) -> str:
    """Shapes as constants, unless they depend on the number of points."""
    parts = []
    for k, type in enumerate(() if batched else outputs):
        lengths = ", ".join(f"i64 {n}" for n in type.shape) or "i64 0"
        size = max(1, len(type.shape))
        parts.append(f"@shape{k} = internal constant [{size} x i64] [{lengths}]\n")
    return "".join(parts)


def _run(code: Code, first: str, data: Sequence[str], workspace: int, work: int) -> str:
    """Call the kernel, without Python's lock where it takes a while; whether its results hold."""
    if workspace > MOST_STACK:
        memory = code.define(f"call ptr {_python('PyMem_Malloc')}(i64 {workspace})")
        _unless_null(code, memory)
    else:
        memory = code.define(f"alloca [{max(64, workspace)} x i8], align 64")
    given = first + ", ".join(f"ptr {x}" for x in (*data, memory))
    if work < RELEASED:
        held = code.define(f"call i1 @run({given})")
    else:
        state = code.define(f"call ptr {_python('PyEval_SaveThread')}()")
        held = code.define(f"call i1 @run({given})")
        code.emit(f"call void {_python('PyEval_RestoreThread')}(ptr {state})")
    if workspace > MOST_STACK:
        code.emit(f"call void {_python('PyMem_Free')}(ptr {memory})")
    return held


def _address(at: int) -> str:
    return f"inttoptr (i64 {at} to ptr)"


@cache
def _python(name: str) -> str:
    """A function of Python's C API, by its address."""
    at = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
    assert at is not None
    return _address(at)


@cache
def _numpy() -> tuple[int, int, int]:
    """The addresses of NumPy's type of arrays, of what makes them, and scalars of them."""
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.argtypes, get.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    table = (ctypes.c_void_p * (ARRAY_NEW + 1)).from_address(get(capsule, None))
    kind, new, scalar = (table[k] for k in (ARRAY_TYPE, ARRAY_NEW, ARRAY_RETURN))
    assert kind == id(np.ndarray)
    assert new is not None
    assert scalar is not None
    return kind, new, scalar
