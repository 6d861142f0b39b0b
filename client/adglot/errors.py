"""The exceptions that adglot raises.

    AdglotError
    ├── InvalidArgument (ValueError)    bad graph, shape, dtype, attribute: `violations` say where
    ├── TracingError (TypeError)        the Python function cannot be traced: says the user's line
    ├── NotFound (LookupError)
    │   ├── UnknownEngine
    │   ├── UnknownGraph
    │   └── UnknownJob
    ├── Unsupported (NotImplementedError)  the engine lacks an op or operator
    ├── GuardFailed                     the point takes a branch that the graph did not record
    ├── LimitExceeded                   over a limit: carries the limit and the need
    ├── Unavailable                     the engine or the server is starting, stopping or away
    │   └── TLSError                    no encrypted connection: a certificate is not accepted
    ├── EngineCrashed                   the engine died on this request
    ├── DeadlineExceeded (TimeoutError)
    ├── Cancelled
    ├── Unauthenticated
    ├── PermissionDenied
    └── InternalError                   our bug: carries the id that the server's log has

Every one of them can be pickled, and arrives on the client as the class the server raised. What a
server answers carries a `request_id`, by which its log knows the request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

MAX_VIOLATIONS = 10


class AdglotError(Exception):
    """The root of every exception that adglot raises on purpose.

    `request_id` names the request in the logs of the servers it came by; "" where none took part.
    """

    request_id: str = ""

    def retold(self, error: AdglotError) -> Self:
        """This, which tells of `error` in other words: with the id of the same request."""
        self.request_id = error.request_id
        return self


@dataclass(frozen=True, slots=True)
class Violation:
    """One fault of the input: `field` is a path such as ``graph.nodes[3].op``."""

    field: str
    description: str

    def __str__(self) -> str:
        return f"{self.field}: {self.description}" if self.field else self.description


class InvalidArgument(AdglotError, ValueError):
    """The input is wrong; `violations` (at most 10) say where and how."""

    def __init__(self, violations: Iterable[Violation] | Violation | str) -> None:
        if isinstance(violations, str):
            violations = Violation("", violations)
        if isinstance(violations, Violation):
            violations = (violations,)
        self.violations: tuple[Violation, ...] = tuple(violations)[:MAX_VIOLATIONS]
        super().__init__(self.violations)

    def __str__(self) -> str:
        return "\n".join(map(str, self.violations))

    def within(self, prefix: str) -> InvalidArgument:
        """The same error, its fields seen from one level up."""
        return InvalidArgument(
            Violation(f"{prefix}.{v.field}" if v.field else prefix, v.description)
            for v in self.violations
        ).retold(self)


class TracingError(AdglotError, TypeError):
    """The function does something a graph cannot hold; the message names line and way out."""


class NotFound(AdglotError, LookupError):
    """Something named in the request is not there."""


class UnknownEngine(NotFound):
    """No engine of that name; the message lists those there are."""


class UnknownGraph(NotFound):
    """The server does not know this digest (any more): register the graph again."""


class UnknownJob(NotFound):
    """There is no such job, or it belongs to somebody else."""


class Unsupported(AdglotError, NotImplementedError):
    """The engine lacks an op or an operator."""


class GuardFailed(AdglotError):
    """The point takes another branch than the one the graph recorded: trace again there."""


class LimitExceeded(AdglotError):
    """The request needs more than a limit allows.

    `limit` and `need` are in the unit that `name` says, e.g. ``memory_bytes``. `where` is the
    place in the function where it went over, if it had been begun with.
    """

    def __init__(self, name: str, limit: int, need: int, where: str = "") -> None:
        self.name, self.limit, self.need, self.where = name, limit, need, where
        super().__init__(name, limit, need, where)

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"over the limit {self.name}={self.limit}: this request needs {self.need}{place}"


class Unavailable(AdglotError):
    """The engine or the server cannot answer just now; try again."""


class TLSError(Unavailable):
    """No encrypted connection to the server: the message says whose certificate is not accepted."""


class EngineCrashed(AdglotError):
    """The engine's process died on this request; others are not affected.

    `phase` says when: "prepare" at the first request for this program, "run" at a later one.
    """

    def __init__(self, message: str, phase: str = "") -> None:
        self.message, self.phase = message, phase
        super().__init__(message, phase)

    def __str__(self) -> str:
        return self.message


class DeadlineExceeded(AdglotError, TimeoutError):
    """The time given was over before the answer was there; the work has stopped."""


class Cancelled(AdglotError):
    """The caller went away or cancelled; the work has stopped."""


class Unauthenticated(AdglotError):
    """No credentials, or wrong ones."""


class PermissionDenied(AdglotError):
    """These credentials do not allow that."""


class InternalError(AdglotError):
    """A fault of ours; quote the id in the message, the server's log has the rest."""
