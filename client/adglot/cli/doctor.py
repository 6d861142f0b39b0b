"""The command `doctor`: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

import click
import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from adglot.calls import DEFAULT_ENGINE
from adglot.cli.loopback import server
from adglot.client import Client, connect
from adglot.errors import AdglotError

BROKEN = (AdglotError, ImportError, OSError)
"""What a check raises where something is wrong with the installation or the machine."""

Status = Literal["ok", "missing", "failed"]
STYLES: dict[Status, str] = {"ok": "green", "missing": "yellow", "failed": "bold red"}

PACKAGES = ("numpy", "grpcio", "protobuf")
EXTRAS = {
    "compiled": "llvmlite",
    "demo": "statsmodels",
    "sparse": "scipy",
    "metrics": "prometheus-client",
    "traces": "opentelemetry-sdk",
}
"""A package that tells whether an extra of ours is installed."""

BOUND = 1e-12
"""The largest relative error of a gradient that passes: the check's own arithmetic has 20 ops."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; only a failed one makes the command fail."""

    subject: str
    status: Status
    detail: str


@click.command
def doctor() -> None:
    """Say what works on this machine, and what to do about the rest."""
    table = Table("", "", "", box=box.SIMPLE, show_header=False)
    failed = 0
    for finding in findings():
        failed += finding.status == "failed"
        status = f"[{STYLES[finding.status]}]{finding.status}[/]"
        table.add_row(escape(finding.subject), status, escape(finding.detail))
    Console().print(table)
    if failed:
        raise click.ClickException(f"{failed} failed")


def findings() -> Iterator[Finding]:
    """Everything, one after the other."""
    yield Finding("python", "ok", f"{platform.python_version()}, {platform.platform()}")
    yield from (Finding(name, "ok", metadata.version(name)) for name in ("adglot", *PACKAGES))
    yield from (_extra(name, package) for name, package in EXTRAS.items())
    yield from _engines()
    yield _tried("gradient in this process", lambda: _check(None))
    yield _tried("gradient from a server", _check_loopback)


def _extra(name: str, package: str) -> Finding:
    try:
        return Finding(f"extra {name}", "ok", f"{package} {metadata.version(package)}")
    except metadata.PackageNotFoundError:
        return Finding(f"extra {name}", "missing", f"pip install 'adglot[{name}]'")


def _engines() -> Iterator[Finding]:
    try:
        with connect() as ad:
            for info in ad.engines():
                status: Status = "ok" if info.available else "missing"
                yield Finding(f"engine {info.name}", status, info.version or info.reason)
    except BROKEN as error:
        yield Finding("engines", "failed", f"{type(error).__name__}: {error}")


def _tried(subject: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, "ok", check())
    except BROKEN as error:
        return Finding(subject, "failed", f"{type(error).__name__}: {error}")


def _check_loopback() -> str:
    with server() as address:
        return f"{_check(address)}, at {address}"


def _check(target: str | None) -> str:
    """The gradient of f against its closed form, at a point where no term vanishes."""
    x = np.linspace(0.5, 2.0, 8)
    with connect(target) as ad:
        started = time.perf_counter()
        error = _error(ad, x)
        seconds = time.perf_counter() - started
    if not error <= BOUND:
        raise AdglotError(f"{DEFAULT_ENGINE} is off by {error:.1e} (relative), over {BOUND:.0e}")
    return f"right to {error:.0e} (relative), {1e3 * seconds:.0f} ms with tracing"


def _error(ad: Client, x: np.ndarray) -> float:
    gradient = ad.gradient(lambda x: np.sum(np.sin(x) * np.exp(x)), x)
    expected = (np.sin(x) + np.cos(x)) * np.exp(x)
    return float(np.max(np.abs(gradient - expected)) / np.max(np.abs(expected)))
