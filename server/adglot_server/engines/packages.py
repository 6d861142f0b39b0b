"""What engines of packages share but the graph: is it installed, and what when it gives up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import util

from adglot.calls import EngineInfo, Operator
from adglot.errors import AdglotError, Unsupported
from adglot.ops import TABLE
from adglot.stopping import stopped_by
from adglot_server.engines.versions import version
from adglot_server.engines.walk import FAULTS
from adglot_server.executors.control import Control

GIVES_UP = (*FAULTS, NotImplementedError, RuntimeError)
"""What packages raise where they have no derivative: at a singular matrix, of an op."""


@contextmanager
def giving_up(package: str) -> Iterator[None]:
    """Unsupported, in the package's words, where it gives up in the block."""
    try:
        yield
    except AdglotError:
        raise
    except GIVES_UP as error:
        raise Unsupported(f"{package} gives up here: {error}") from error


@contextmanager
def running(package: str, control: Control) -> Iterator[None]:
    """While a package runs a graph node by node, where it may be stopped and may give up."""
    with stopped_by(control.check), giving_up(package):
        yield


@dataclass(frozen=True, slots=True)
class Package:
    """An optional dependency that an engine of the same name is made of.

    `extra` is the extra of ours that installs it, `lacks` the ops that it does not take and why.
    """

    name: str
    extra: str
    lacks: Mapping[str, str]

    def info(self, operators: tuple[Operator, ...]) -> EngineInfo:
        """Whether it is installed, in which version, or the line that installs it."""
        if not self._installed():
            return EngineInfo(self.name, False, reason=self._install)
        installed = f"{self.name} {version(self.name)}"
        return EngineInfo(self.name, True, "", installed, operators, self.ops())

    def ops(self) -> tuple[str, ...]:
        """The ops of our table that it takes."""
        return tuple(sorted(TABLE.keys() - self.lacks.keys()))

    def require(self) -> None:
        """Unsupported, with the line that installs it, where it is missing."""
        if not self._installed():
            raise Unsupported(self._install)

    @property
    def _install(self) -> str:
        return f"needs {self.name}: pip install 'adglot[{self.extra}]'"

    def _installed(self) -> bool:
        return util.find_spec(self.name) is not None
