"""The code by which Python calls every kernel: it looks at arrays, and makes arrays.

CPython calls it as it calls its builtin functions. It reads NumPy's arrays where their stable ABI
has the fields (`PyArrayObject_fields`), and makes results by NumPy's C API.
"""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np

from adglot_server.executors.compiled.addresses import field, in_capsule, pointer, python_function

HEADER = object.__basicsize__
"""Where CPython's header of an object ends; the type is the last of it."""

DATA, RANK, DIMENSIONS, DTYPE, FLAGS = (HEADER + k for k in (0, 8, 16, 40, 48))
"""Fields of an array."""

ITEMS = HEADER + 8
"""Where a list has the address of its items."""

PLAIN = 0x0001 | 0x0100
"""NPY_ARRAY_C_CONTIGUOUS and NPY_ARRAY_ALIGNED."""

ARRAY_TYPE, ARRAY_RETURN, ARRAY_NEW = 2, 76, 93
"""Places of PyArray_Type, PyArray_Return and PyArray_New in the table of NumPy's C API."""

FEWEST = 8
"""Points of a batch for compiled code; so many are done at a time."""

MOST_STACK = 1 << 16
"""Bytes of a workspace that may lie on the stack."""

LINE = 64
"""Bytes that the memory of a call is aligned to."""

MOST_AXES = 1 + 64
"""Of points, and NPY_MAXDIMS."""

POINTS = -1
"""Stands for the length of the axis of points."""


def text(batched: bool) -> str:
    """The module of `entry`, which is given a function's numbers as `%self`."""
    parts = (_begin(batched), _count_points() if batched else "", _look(batched), _make(batched))
    body = "".join((*parts, _call("%points" if batched else "0"), _scalars(), _end()))
    return f"define ptr @entry(ptr %self, ptr %args, i64 %count) nounwind {{\n{body}}}\n"


RECORDS = 11
"""Numbers of the whole; behind them are those of each input, then of each output."""


def _begin(batched: bool) -> str:
    """Memory for addresses and a workspace: `%data`."""
    shape = f"%lengths = alloca [{MOST_AXES} x i64]\n" if batched else ""
    return f"""entry:
{shape}{field("%numbers", "ptr", "%self", DATA)}
{_number("%run", 0, "ptr")}
{_number("%inputs", 1)}
{_number("%outputs", 2)}
{_number("%behind", 3)}
{_number("%called", 4, "ptr")}
{_number("%bytes", 5)}
{_number("%place", 6)}
store i8 1, ptr %called
%fits = icmp eq i64 %count, %inputs
br i1 %fits, label %counted, label %none
counted:
%large = icmp ugt i64 %bytes, {MOST_STACK}
br i1 %large, label %heap, label %stack
heap:
%block = call ptr {python_function("PyMem_Malloc")}(i64 %bytes)
%full = icmp eq ptr %block, null
br i1 %full, label %empty, label %room
stack:
%local = alloca i8, i64 %bytes, align {LINE}
br label %room
room:
%data = phi ptr [%block, %heap], [%local, %stack]
%records = getelementptr i64, ptr %numbers, i64 {RECORDS}
br label %start
start:
"""


def _count_points() -> str:
    """How many the first input with points has, once it is an array with axes."""
    return f"""
{_number("%moving", 8)}
{_number("%most", 9)}
%batch.at = getelementptr ptr, ptr %args, i64 %moving
%batch = load ptr, ptr %batch.at
{field("%batch.type", "i64", "%batch", HEADER - 8)}
{_unless("%batch.type", "i64", _numpy()[0], "is_batch")}
{field("%batch.rank", "i32", "%batch", RANK)}
%has_axes = icmp sgt i32 %batch.rank, 0
br i1 %has_axes, label %deep, label %other
deep:
{field("%batch.shape", "ptr", "%batch", DIMENSIONS)}
%points = load i64, ptr %batch.shape
%enough = icmp sge i64 %points, {FEWEST}
%bounded = icmp sle i64 %points, %most
%some = and i1 %enough, %bounded
br i1 %some, label %ready, label %other
ready:
"""


def _look(batched: bool) -> str:
    """The data of all inputs, if they are plain arrays of their types; else on to `other`."""
    before = "ready" if batched else "start"
    return f"""br label %look
look:
%k = phi i64 [0, %{before}], [%k.next, %same]
%input = phi ptr [%records, %{before}], [%input.next, %same]
%unseen = icmp ult i64 %k, %inputs
br i1 %unseen, label %seen, label %all
seen:
%array.at = getelementptr ptr, ptr %args, i64 %k
%array = load ptr, ptr %array.at
{field("%type", "i64", "%array", HEADER - 8)}
{_unless("%type", "i64", _numpy()[0], "is_array")}
{field("%slot", "i64", "%input", 0)}
{field("%dtype.wanted", "i64", "%input", 8)}
{field("%axes", "i64", "%input", 16)}
{field("%dtype", "i64", "%array", DTYPE)}
{_unless("%dtype", "i64", "%dtype.wanted", "is_typed")}
{field("%flags", "i32", "%array", FLAGS)}
%plain = and i32 %flags, {PLAIN}
{_unless("%plain", "i32", PLAIN, "is_plain")}
{field("%rank", "i32", "%array", RANK)}
%rank.wanted = trunc i64 %axes to i32
{_unless("%rank", "i32", "%rank.wanted", "is_deep")}
{field("%array.shape", "ptr", "%array", DIMENSIONS)}
{field("%memory", "ptr", "%array", DATA)}
%to = getelementptr i8, ptr %data, i64 %slot
store ptr %memory, ptr %to
%sizes = getelementptr i8, ptr %input, i64 24
br label %axis
axis:
%a = phi i64 [0, %is_deep], [%a.next, %equal]
%more = icmp ult i64 %a, %axes
br i1 %more, label %length, label %same
length:
{_length("%wanted", "%sizes", "%a", batched)}
%found.at = getelementptr i64, ptr %array.shape, i64 %a
%found = load i64, ptr %found.at
{_unless("%found", "i64", "%wanted", "equal")}
%a.next = add i64 %a, 1
br label %axis
same:
%k.next = add i64 %k, 1
%input.next = getelementptr i64, ptr %sizes, i64 %axes
br label %look
all:
"""


def _make(batched: bool) -> str:
    """Arrays of nothing yet: in a list, unless there is but one."""
    kind, new, _ = _numpy()
    return f"""%alone = icmp eq i64 %outputs, 1
br i1 %alone, label %making, label %several
several:
%new = call ptr {python_function("PyList_New")}(i64 %outputs)
%listless = icmp eq ptr %new, null
br i1 %listless, label %failed, label %listed
listed:
{field("%new.items", "ptr", "%new", ITEMS)}
br label %making
making:
%list = phi ptr [null, %all], [%new, %listed]
%items = phi ptr [null, %all], [%new.items, %listed]
%results = getelementptr i8, ptr %data, i64 %behind
br label %make
make:
%m = phi i64 [0, %making], [%m.next, %keep]
%output = phi ptr [%input, %making], [%output.next, %keep]
%unmade = icmp ult i64 %m, %outputs
br i1 %unmade, label %next, label %made
next:
{field("%number", "i32", "%output", 0)}
{field("%output.axes", "i64", "%output", 16)}
%output.rank = trunc i64 %output.axes to i32
%output.sizes = getelementptr i8, ptr %output, i64 24
{_lengths() if batched else "br label %shaped"}
shaped:
%result = call ptr {pointer(new)}(ptr {pointer(kind)}, i32 %output.rank, \
ptr {"%lengths" if batched else "%output.sizes"}, \
i32 %number, ptr null, ptr null, i32 0, i32 0, ptr null)
%missing = icmp eq ptr %result, null
br i1 %missing, label %failed, label %there
there:
{field("%result.data", "ptr", "%result", DATA)}
%result.to = getelementptr ptr, ptr %results, i64 %m
store ptr %result.data, ptr %result.to
br i1 %alone, label %made, label %keep
keep:
%item = getelementptr ptr, ptr %items, i64 %m
store ptr %result, ptr %item
%m.next = add i64 %m, 1
%output.next = getelementptr i64, ptr %output.sizes, i64 %output.axes
br label %make
made:
%whole = phi ptr [%list, %make], [%result, %there]
"""


def _lengths() -> str:
    """Those of an output, with the number of points."""
    return f"""br label %shape
shape:
%b = phi i64 [0, %next], [%b.next, %put]
%longer = icmp ult i64 %b, %output.axes
br i1 %longer, label %put, label %shaped
put:
{_length("%output.length", "%output.sizes", "%b", True)}
%length.to = getelementptr i64, ptr %lengths, i64 %b
store i64 %output.length, ptr %length.to
%b.next = add i64 %b, 1
br label %shape
"""


def _call(points: str) -> str:
    """Call the kernel, without Python's lock where it takes a while."""
    return f"""%workspace.to = getelementptr ptr, ptr %results, i64 %outputs
%workspace = getelementptr i8, ptr %data, i64 %place
store ptr %workspace, ptr %workspace.to
{_number("%long", 7)}
%is_long = icmp ne i64 %long, 0
br i1 %is_long, label %unlocked, label %locked
locked:
%soon = call zeroext i1 %run(i64 {points}, ptr %data)
br label %ran
unlocked:
%thread = call ptr {python_function("PyEval_SaveThread")}()
%late = call zeroext i1 %run(i64 {points}, ptr %data)
call void {python_function("PyEval_RestoreThread")}(ptr %thread)
br label %ran
ran:
%holds = phi i1 [%soon, %locked], [%late, %unlocked]
br i1 %holds, label %held, label %refused
held:
"""


def _scalars() -> str:
    """Put what arrays without axes hold in their place, where that is wanted."""
    back = pointer(_numpy()[2])
    return f"""{_number("%scalars", 10)}
%any = icmp ne i64 %scalars, 0
br i1 %any, label %unpack, label %leave
unpack:
br i1 %alone, label %one, label %unpacking
one:
{field("%one.flag", "i64", "%input", 8)}
%one.flat = icmp ne i64 %one.flag, 0
br i1 %one.flat, label %one.scalar, label %leave
one.scalar:
%scalar = call ptr {back}(ptr %whole)
br label %leave
unpacking:
%s = phi i64 [0, %unpack], [%s.next, %unpacked]
%each = phi ptr [%input, %unpack], [%each.next, %unpacked]
%packed = icmp ult i64 %s, %outputs
br i1 %packed, label %each.there, label %leave
each.there:
{field("%flag", "i64", "%each", 8)}
%flat = icmp ne i64 %flag, 0
br i1 %flat, label %each.scalar, label %unpacked
each.scalar:
%each.item = getelementptr ptr, ptr %items, i64 %s
%each.array = load ptr, ptr %each.item
%each.scalar.made = call ptr {back}(ptr %each.array)
store ptr %each.scalar.made, ptr %each.item
%lost = icmp eq ptr %each.scalar.made, null
br i1 %lost, label %failed, label %unpacked
unpacked:
{field("%each.axes", "i64", "%each", 16)}
%each.sizes = getelementptr i8, ptr %each, i64 24
%each.next = getelementptr i64, ptr %each.sizes, i64 %each.axes
%s.next = add i64 %s, 1
br label %unpacking
"""


def _end() -> str:
    """Return the results, None where there are none, or nothing where an exception is set."""
    none = pointer(id(None))
    return f"""failed:
%rest = phi ptr [null, %several], [%list, %shaped], [%list, %each.scalar]
%is_rest = icmp ne ptr %rest, null
br i1 %is_rest, label %drop, label %leave
drop:
call void {python_function("Py_DecRef")}(ptr %rest)
br label %leave
refused:
call void {python_function("Py_DecRef")}(ptr %whole)
br label %other
other:
call void {python_function("Py_IncRef")}(ptr {none})
br label %leave
leave:
%answer = phi ptr [%whole, %held], [%whole, %one], [%scalar, %one.scalar], \
[%list, %unpacking], [null, %failed], [null, %drop], [{none}, %other]
br i1 %large, label %free, label %left
free:
call void {python_function("PyMem_Free")}(ptr %data)
br label %left
left:
ret ptr %answer
none:
call void {python_function("Py_IncRef")}(ptr {none})
ret ptr {none}
empty:
ret ptr null
"""


def _number(name: str, place: int, kind: str = "i64") -> str:
    return field(name, kind, "%numbers", 8 * place)


def _length(name: str, lengths: str, axis: str, batched: bool) -> str:
    """What is told of an axis; how many points there are is known only now."""
    told = f"{name}.told" if batched else name
    at = f"{name}.at = getelementptr i64, ptr {lengths}, i64 {axis}"
    load = f"{at}\n{told} = load i64, ptr {name}.at"
    if not batched:
        return load
    known = f"{name}.known = icmp ne i64 {told}, {POINTS}"
    return f"{load}\n{known}\n{name} = select i1 {name}.known, i64 {told}, i64 %points"


def _unless(value: str, kind: str, wanted: int | str, label: str) -> str:
    """On to `other` where a value is not the one that is wanted."""
    return f"""%{label}.so = icmp eq {kind} {value}, {wanted}
br i1 %{label}.so, label %{label}, label %other
{label}:"""


@cache
def _numpy() -> tuple[int, int, int]:
    """The addresses of NumPy's type of arrays, of what makes them, and scalars of them."""
    held = in_capsule(np._core._multiarray_umath._ARRAY_API, None)  # type: ignore[attr-defined]
    assert held is not None
    table = (ctypes.c_void_p * (ARRAY_NEW + 1)).from_address(held)
    kind, new, scalar = (table[k] for k in (ARRAY_TYPE, ARRAY_NEW, ARRAY_RETURN))
    assert kind == id(np.ndarray)
    assert new is not None
    assert scalar is not None
    return kind, new, scalar
