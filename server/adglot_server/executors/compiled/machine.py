"""Compile LLVM IR for this machine with llvmlite, and own the code."""

from __future__ import annotations

import ctypes
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from threading import Lock
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


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class MachineCode:
    """Compiled functions: where each of them is.

    They live as long as this object, in `nbytes` of memory.
    """

    addresses: Mapping[str, int]
    nbytes: int

    def of_integers(self, name: str, arity: int) -> Callable[..., None]:
        """A function of so many int64 (addresses, most of them), which is called without the GIL.

        It keeps the code.
        """
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * arity)
        function = kind(self.addresses[name])
        function.code = self  # type: ignore[attr-defined]
        return function


RAW, STRAIGHT, OPTIMISED = range(3)
"""How hard LLVM tries.

Raw code is there in a fifth of the time, and takes up to three times as long to run. Straight code
is run as fast as any after few passes, in two thirds of the time.
"""


def compile_text(text: str, names: Sequence[str], level: int = OPTIMISED) -> MachineCode:
    """Machine code of a module that defines functions of these names."""
    module, machine = _optimized(text, host(), level)
    image = machine.emit_object(module)
    jit, library = _linker.link(image, names)
    code = MachineCode({name: library[name] for name in names}, len(image))
    # What is registered is in no cycle, so the library goes before what it is part of.
    weakref.finalize(code, _unload, library, jit).atexit = False
    return code


def _unload(library: Any, _jit: Any) -> None:
    library.close()


def assembly(text: str, target: Target) -> str:
    """What a module becomes on any machine, as text."""
    module, machine = _optimized(text, target)
    return str(machine.emit_assembly(module))


def _optimized(text: str, target: Target, level: int = OPTIMISED) -> tuple[Any, Any]:
    """The module after LLVM's passes, without those that look for vectors: they are there."""
    llvm = _llvm()
    module, machine = llvm.parse_assembly(text), _machine(target, raw=level == RAW)
    if level > RAW:
        # To try harder takes a fifth longer, for code that is no faster.
        options = llvm.create_pipeline_tuning_options(speed_level=1)
        options.loop_vectorization = options.slp_vectorization = False
        builder = llvm.create_pass_builder(machine, options)
        passes = _few_passes() if level == STRAIGHT else builder.getModulePassManager()
        passes.run(module, builder)
    return module, machine


def _few_passes() -> Any:
    """Those that straight code, written with care, has something of."""
    passes = _llvm().create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    return passes


@cache
def _machine(target: Target, raw: bool) -> Any:
    """What emits code that lies anywhere, its functions and constants near one another.

    To make it and to read the features of the CPU takes as long as to emit a small function;
    llvmlite lets one thread at a time use it.
    """
    kind = _llvm().Target.from_triple(target.triple)
    return kind.create_target_machine(
        cpu=target.cpu,
        features=target.features,
        opt=0 if raw else 2,
        reloc="pic",
        codemodel="small",
    )


LIBRARIES = 64
"""That are loaded by one linker; each leaves 9 KB behind, which go when the linker goes."""


@dataclass(slots=True)
class _Linker:
    """LLVM's linker for code in this process, a new one for every `LIBRARIES`.

    An old one stays as long as some code of it.
    """

    jit: Any = None
    loaded: int = 0
    lock: Any = field(default_factory=Lock)

    def link(self, image: bytes, names: Sequence[str]) -> tuple[Any, Any]:
        """The linker, and the library that an object file has become in it."""
        llvm = _llvm()
        builder = llvm.JITLibraryBuilder().add_object_img(image)
        builder.add_current_process()  # LLVM calls memcpy and memset.
        for name in names:
            builder.export_symbol(name)
        with self.lock:
            if self.loaded % LIBRARIES == 0:
                # JITLink has code and constants in one piece, as `_machine` takes for granted.
                self.jit = llvm.create_lljit_compiler(use_jit_link=True)
            self.loaded += 1
            return self.jit, builder.link(self.jit, f"library{self.loaded}")


_linker = _Linker()


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
