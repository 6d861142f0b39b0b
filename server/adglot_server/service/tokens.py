"""The tokens of a server: their names, their hashes and what each of them allows."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

from adglot.errors import InvalidArgument
from adglot_server.service.limits import Limits

log = logging.getLogger("adglot")

SECRET_BYTES = 32
"""Of a token, random: too many to guess, so one round of SHA-256 hides them well."""

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

OF_LIMITS = tuple(f.name for f in fields(Limits) if f.name != "kept_bytes")
"""The limits that a token may have lower than the server; what is kept is everybody's."""

_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class Token:
    """One who may call.

    - `name`: who that is
    - `digest`: SHA-256 of the token's text
    - `requests`: most at one time, None for any number
    - `rate`: most a second, None for any number
    - `engines`: those it may use, ``julia/*`` for all of a family; None for any
    - `limits`: those that are lower than the server's
    """

    name: str
    digest: bytes
    requests: int | None = None
    rate: int | None = None
    engines: tuple[str, ...] | None = None
    limits: Mapping[str, int] = field(default_factory=dict)

    def allows(self, engine: str) -> bool:
        """Whether it may use an engine.

        >>> Token("me", bytes(), engines=("native", "julia/*")).allows("julia/Zygote")
        True
        """
        return self.engines is None or any(fnmatchcase(engine, one) for one in self.engines)


class Tokens(Protocol):
    """Knows the tokens of a server."""

    def find(self, text: str) -> Token | None:
        """The token with this text, None for any other text; takes as long for each."""


class OneToken:
    """A single token, which is everybody's.

    >>> OneToken("secret").find("secret").name, OneToken("secret").find("Secret")
    ('default', None)
    """

    def __init__(self, text: str) -> None:
        self._token = Token("default", digest(text))

    def find(self, text: str) -> Token | None:
        return self._token if hmac.compare_digest(digest(text), self._token.digest) else None


class TokenFile:
    """The tokens of a file, which is read again when it has changed.

    Raises InvalidArgument where it cannot be read; later, the tokens stay as they were then.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._seen = path, _stamp(path)
        self._tokens = read(path)

    def find(self, text: str) -> Token | None:
        self._look()
        token = self._tokens.get(text.partition(".")[0])
        expected = _NOBODY if token is None else token.digest
        return token if hmac.compare_digest(digest(text), expected) else None

    def _look(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._tokens = read(self._path)
            log.info("%s: read again, %d tokens", self._path, len(self._tokens))
        except InvalidArgument as error:
            log.error("%s; the tokens stay as they were", error)


def digest(text: str) -> bytes:
    """SHA-256 of a token."""
    return hashlib.sha256(text.encode()).digest()


def make(name: str) -> str:
    """The text of a new token: its name, a dot and a secret."""
    return f"{name}.{secrets.token_urlsafe(SECRET_BYTES)}"


def read(path: Path) -> dict[str, Token]:
    """The tokens of a file; InvalidArgument says what is wrong with it."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"cannot read the tokens of {path}: {error}") from None
    try:
        return {name: _token(name, table) for name, table in tables.items()}
    except InvalidArgument as error:
        raise InvalidArgument(f"{path}: {error}") from None


def _stamp(path: Path) -> tuple[int, int, int]:
    """What changes with the file."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_mtime_ns, status.st_size, status.st_ino


def _token(name: str, table: Any) -> Token:
    if not NAME.fullmatch(name):
        raise InvalidArgument(f"{name!r} is no name of a token: letters, digits, _ and - only")
    if not isinstance(table, dict):
        raise InvalidArgument(f"expected a table [{name}]")
    entries = {key.replace("-", "_"): value for key, value in table.items()}
    _check_keys(name, entries)
    return Token(
        name,
        _digest(name, entries.pop("sha256", None)),
        _number(name, entries, "requests"),
        _number(name, entries, "rate"),
        _names(name, entries.get("engines")),
        {limit: _number(name, entries, limit) for limit in OF_LIMITS if limit in entries},
    )


def _check_keys(name: str, entries: Mapping[str, Any]) -> None:
    known = ("sha256", "requests", "rate", "engines", *OF_LIMITS)
    for key in entries:
        if key not in known:
            close = get_close_matches(key, known, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InvalidArgument(f"[{name}] has no setting {key!r}{hint}")


def _digest(name: str, text: Any) -> bytes:
    try:
        found = bytes.fromhex(text)
    except (TypeError, ValueError):
        found = b""
    if len(found) != hashlib.sha256().digest_size:
        raise InvalidArgument(f"[{name}] sha256: expected 64 hexadecimal digits")
    return found


def _number(name: str, entries: Mapping[str, Any], key: str) -> Any:
    value = entries.get(key)
    if value is not None and (type(value) is not int or value < 1):
        raise InvalidArgument(f"[{name}] {key}: expected a positive integer, got {value!r}")
    return value


def _names(name: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidArgument(f"[{name}] engines: expected a list of names, got {value!r}")
    return tuple(value)
