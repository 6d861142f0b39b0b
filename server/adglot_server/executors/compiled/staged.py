"""Code that is there at once, and is made anew with LLVM's passes when it has been called often."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from adglot_server.executors.compiled.entry import Signature
from adglot_server.executors.compiled.machine import OPTIMISED, RAW, MachineCode, compile_text

Wrap = Callable[[MachineCode], Any]
"""Makes what is called of code, a function or several; it has to keep the code."""


_optimised: ContextVar[bool] = ContextVar("adglot_optimised", default=False)


@contextmanager
def optimised() -> Iterator[None]:
    """What is made in here is optimised from the start, without raw code before."""
    token = _optimised.set(True)
    try:
        yield
    finally:
        _optimised.reset(token)


class Staged:
    """`function` is raw code, and after `optimise` the same code, faster: both give the same bits.

    The module's text is kept in between.
    """

    function: Any

    def __init__(self, text: str, names: Sequence[str], wrap: Wrap, level: int = OPTIMISED) -> None:
        """`level` is how hard LLVM tries when it optimises; the others are as of `compile_text`."""
        self._text, self._names = text, names
        self._wrap, self._level = wrap, level
        if _optimised.get():
            self.optimise()
        else:
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
        code = compile_text(self._text, self._names, level)
        self._code_bytes, self.function = code.nbytes, self._wrap(code)


def of_python(text: str, signature: Signature, *held: Any) -> Staged:
    """The function `run` of a module as one of Python's own, which keeps `held`."""

    def wrap(code: MachineCode) -> Any:
        return signature.function(code.addresses["run"], code, *held)

    return Staged(text, ["run"], wrap)
