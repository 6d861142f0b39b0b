"""Code that is there at once, and is made anew with LLVM's passes when it has been called often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adglot_server.executors.compiled.entry import as_function
from adglot_server.executors.compiled.machine import OPTIMISED, RAW, MachineCode, compile_text

Wrap = Callable[[MachineCode], Any]
"""Makes what is called of code, a function or several; it has to keep the code."""


class Staged:
    """`function` is raw code, and after `optimise` the same code, faster: both give the same bits.

    The module's text is kept in between.
    """

    function: Any

    def __init__(
        self, text: str, entry: str, arity: int, wrap: Wrap, level: int = OPTIMISED
    ) -> None:
        """`level` is how hard LLVM tries when it optimises; the others are as of `compile_text`."""
        self._text, self._entry, self._arity = text, entry, arity
        self._wrap, self._level = wrap, level
        self._compile(RAW)

    @property
    def nbytes(self) -> int:
        """Of machine code, and of the text while it is kept."""
        return self._code_bytes + len(self._text)

    def optimise(self) -> None:
        """Make better code, once; calls that are under way end in the old one."""
        if self._text:
            self._compile(self._level)
            self._text = ""

    def _compile(self, level: int) -> None:
        code = compile_text(self._text, self._entry, self._arity, level)
        self._code_bytes, self.function = code.nbytes, self._wrap(code)


def of_python(text: str, *held: Any) -> Staged:
    """The function `entry` as one of Python's own, as `entry.text` writes it; it keeps `held`."""
    return Staged(text, "entry", 0, lambda code: as_function(code.address, code, *held))
