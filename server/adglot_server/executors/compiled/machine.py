"""Compile LLVM IR for this machine with llvmlite, and own the code."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np


def available() -> bool:
    """Whether llvmlite is installed, on a Python whose arrays lie where compiled code looks."""
    return sys.implementation.name == "cpython" and find_spec("llvmlite") is not None


@dataclass(frozen=True, slots=True)
class Target:
    """The machine that code is made for, in LLVM's words."""

    triple: str
    cpu: str
    features: str


@cache
def host() -> Target:
    """This machine."""
    llvm = _llvm()
    features = llvm.get_host_cpu_features().flatten()
    return Target(llvm.get_process_triple(), llvm.get_host_cpu_name(), features)


@dataclass(frozen=True, eq=False, slots=True)
class MachineCode:
    """A compiled function of integers (addresses, most of them), called without the GIL.

    The code lives as long as this object, in `nbytes` of memory.
    """

    function: Callable[..., None]
    address: int
    nbytes: int
    engine: Any
    """Frees the code when it goes."""

    def call(self, *numbers: int) -> None:
        """Run it, and keep the code meanwhile."""
        self.function(*numbers)


RAW, STRAIGHT, OPTIMISED = 0, 1, 2
"""How hard LLVM tries.

Raw code is there in a third of the time, and takes up to three times as long to run. What is as
good for straight code takes two thirds of the time that all passes take.
"""


def compile_text(text: str, entry: str, arity: int, level: int = OPTIMISED) -> MachineCode:
    """Machine code of a module whose function `entry` takes so many int64, and returns nothing."""
    llvm = _llvm()
    module, machine = _optimized(text, host(), level)
    engine = llvm.create_mcjit_compiler(module, machine)
    sizes: list[int] = []
    engine.set_object_cache(lambda _, data: sizes.append(len(data)))
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * arity)
    address = engine.get_function_address(entry)
    return MachineCode(kind(address), address, sum(sizes), engine)


def assembly(text: str, target: Target) -> str:
    """What a module becomes on any machine, as text."""
    module, machine = _optimized(text, target)
    return str(machine.emit_assembly(module))


def _optimized(text: str, target: Target, level: int = OPTIMISED) -> tuple[Any, Any]:
    """The module after LLVM's passes, without those that look for vectors: they are there."""
    llvm = _llvm()
    module = llvm.parse_assembly(text)
    kind = llvm.Target.from_triple(target.triple)
    machine = kind.create_target_machine(
        cpu=target.cpu, features=target.features, opt=level, jit=True
    )
    if level > RAW:
        options = llvm.create_pipeline_tuning_options(speed_level=level)
        options.loop_vectorization = options.slp_vectorization = False
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
    return module, machine


BLOCK = 16 << 20
"""Bytes of a block; about twice that much freed memory is kept after it was freed."""


def _keep_freed_memory() -> None:
    """Have the C library keep what is freed for the next call, as it does after one large block.

    Until then glibc gives all but 128 KB back to the system (mallopt(3): M_TRIM_THRESHOLD), and
    every page is cleared when it is taken again: with 5 MB of results in 40 arrays three quarters
    of the time of a call.
    """
    np.empty(BLOCK, np.uint8)


@cache
def _llvm() -> Any:
    """llvmlite's binding, made ready for every target it knows."""
    from llvmlite import binding

    _keep_freed_memory()
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    return binding
