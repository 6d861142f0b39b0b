"""Machine code in this process: what it may call, and how long it stays."""

from __future__ import annotations

import ctypes
import gc
import weakref

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from adglot_server.executors.compiled import machine
from adglot_server.executors.compiled.machine import LIBRARIES, MachineCode, compile_text


def storing(number: int) -> MachineCode:
    """Code that writes a number, which it has among its constants, at an address."""
    return compile_text(
        f"""@number = internal constant [2 x i64] [i64 {number}, i64 -1]
        define void @store(i64 %to, i64 %which) {{
            %address = inttoptr i64 %to to ptr
            %from = getelementptr i64, ptr @number, i64 %which
            %x = load i64, ptr %from
            store i64 %x, ptr %address
            ret void
        }}""",
        ["store"],
        machine.RAW,
    )


def stored(code: MachineCode) -> int:
    result = ctypes.c_int64()
    code.of_integers("store", 2)(ctypes.addressof(result), 0)
    return result.value


def test_code_calls_the_c_library() -> None:
    code = compile_text(
        """declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
        define void @copy(i64 %to, i64 %from, i64 %size) {
            %a = inttoptr i64 %to to ptr
            %b = inttoptr i64 %from to ptr
            call void @llvm.memcpy.p0.p0.i64(ptr %a, ptr %b, i64 %size, i1 false)
            ret void
        }""",
        ["copy"],
    )
    x = np.arange(1000.0)
    y = np.zeros_like(x)
    code.of_integers("copy", 3)(y.ctypes.data, x.ctypes.data, x.nbytes)
    np.testing.assert_array_equal(y, x)


def test_several_functions_of_a_module() -> None:
    text = "\n".join(
        f"""define void @f{k}(i64 %to) {{
            %address = inttoptr i64 %to to ptr
            store i64 {k}, ptr %address
            ret void
        }}"""
        for k in (1, 2)
    )
    code, result = compile_text(text, ["f1", "f2"]), ctypes.c_int64()
    for k in (1, 2):
        code.of_integers(f"f{k}", 1)(ctypes.addressof(result))
        assert result.value == k


def test_code_outlives_its_linker_and_the_linker_goes_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    linker = machine._Linker()
    monkeypatch.setattr(machine, "_linker", linker)
    first = storing(-5)
    old = weakref.ref(linker.jit)
    assert [stored(storing(k)) for k in range(LIBRARIES + 1)] == [*range(LIBRARIES + 1)]
    gc.collect()
    assert old() is not None
    assert old() is not linker.jit
    assert stored(first) == -5
    del first
    gc.collect()
    assert old() is None


def test_a_function_keeps_its_code() -> None:
    code, result = storing(7), ctypes.c_int64()
    gone = weakref.ref(code)
    function = code.of_integers("store", 2)
    del code
    gc.collect()
    function(ctypes.addressof(result), 0)
    assert result.value == 7
    del function
    gc.collect()
    assert gone() is None


def test_names_that_are_not_there() -> None:
    with pytest.raises(RuntimeError, match="missing"):
        compile_text("define void @there() {\nret void\n}", ["missing"])
