"""The commands `adglot julia status`, `install` and `warm`, found by the entry points."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import click
import numpy as np

from adglot.calls import EngineInfo
from adglot.client import Client
from adglot.errors import AdglotError, Unavailable
from adglot_julia import pinned
from adglot_julia.command import INSTALL_SECONDS, worker
from adglot_julia.installation import (
    ENVIRONMENT,
    ENVIRONMENT_PROJECT,
    EXE,
    PROJECT,
    Installation,
    look,
    pinned_project,
)

T = TypeVar("T")

FAMILY = "julia"

INSTALL = f"import sys; sys.path.append({str(ENVIRONMENT)!r}); import juliapkg; juliapkg.resolve()"


@click.group
def julia() -> None:
    """Julia behind the engines julia/...: what is there, install it, try it."""


@julia.command
def status() -> None:
    """Say which Julia and packages would be used, without starting any."""
    found = look()
    for name, value in _facts(found):
        click.echo(f"{name:10} {value}")
    if found.missing:
        raise click.ClickException(found.missing)


@julia.command
@click.option("--pinned", "ours", is_flag=True, help="Exactly the versions that adglot names.")
@click.option(
    "--manifest", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Exactly the versions of a Project.toml and Manifest.toml of yours.",
)  # fmt: skip
def install(ours: bool, manifest: Path | None) -> None:
    """Install Julia where it is missing, and its packages, now and not with the first request.

    Without an option: the newest versions within the bounds that adglot knows to work.
    """
    if ours and manifest:
        raise click.UsageError("--pinned is the Manifest of adglot, --manifest one of yours")
    if ours or manifest:
        _install_pinned(manifest or pinned.PAIR)
    else:
        _install_newest()


@julia.command
@click.argument("engines", nargs=-1, metavar="[ENGINE]...")
def warm(engines: tuple[str, ...]) -> None:
    """Start a worker and take a gradient with every engine, or those named: how long each takes.

    Julia keeps what its packages compile to on disk, so the worker of a server starts faster then.
    """
    with _client() as ad:
        infos, seconds = _timed(lambda: _started(ad))
        click.echo(f"{'worker':24} {seconds:8.2f} s")
        wanted = [info for info in infos if not engines or info.name in engines]
        failed = [info.name for info in wanted if not _warm(ad, info)]
    if not wanted:
        raise click.ClickException(f"there are {', '.join(info.name for info in infos)}")
    if failed:
        raise click.ClickException(f"failed: {', '.join(failed)}")


def _install_newest() -> None:
    if pinned.forget(pinned_project()):
        click.echo("pinned no longer")
    found = look()
    if found.missing:
        raise click.ClickException(found.missing)
    if found.given:
        click.echo("a Julia and a project are given: nothing to install")
        return
    code = subprocess.run([sys.executable, "-c", INSTALL], env=_environment(), check=False)
    if code.returncode:
        raise click.ClickException("juliapkg could not install it: its own words are above")
    if not look().ready:
        raise click.ClickException("juliapkg installed nothing: PYTHON_JULIAPKG_OFFLINE is set?")


def _install_pinned(source: Path) -> None:
    found, project = look(), pinned_project()
    if found.given:
        raise click.ClickException(f"{EXE} and {PROJECT} are set, and go before what is pinned")
    environment = {
        "JULIA_PYTHONCALL_EXE": sys.executable,
        **os.environ,
        ENVIRONMENT_PROJECT: str(project),
    }
    pinned.install(source, project, found.juliacall, os.environ.get(EXE, ""), environment)
    click.echo(look().told)


def _facts(found: Installation) -> Iterator[tuple[str, object]]:
    yield "juliacall", found.juliacall or "not installed"
    yield "julia", found.julia or "none found: juliapkg installs one"
    yield "project", f"{found.project}{' (given)' if found.given else ''}"
    state = "installed" if found.ready else "not installed yet: adglot julia install"
    yield "packages", found.told or state


def _environment() -> dict[str, str]:
    from adglot_server.workers.command import Bounds

    return Bounds().environment(worker())


def _client() -> Client:
    """A client of a service that has nothing but Julia's engines."""
    from adglot_server.service.core import Core
    from adglot_server.service.embedded import EmbeddedTransport
    from adglot_server.service.engines import Engines
    from adglot_server.workers.command import Bounds

    engines = Engines((), {FAMILY: worker()}, Bounds(patience=INSTALL_SECONDS))
    engines.start(FAMILY)
    return Client(EmbeddedTransport(Core(engines=engines)))


def _started(ad: Client) -> tuple[EngineInfo, ...]:
    """The engines, when the worker answers."""
    while True:
        infos: tuple[EngineInfo, ...] = ad.engines()
        if all(info.state == "ready" for info in infos):
            return infos
        if any(info.state == "absent" for info in infos):
            raise Unavailable(infos[0].reason)
        time.sleep(0.1)


def _warm(ad: Client, info: EngineInfo) -> bool:
    if not info.available:
        click.echo(f"{info.name:24} missing: {info.reason}")
        return True
    if "gradient" not in info.operators:
        click.echo(f"{info.name:24} has no gradient")
        return True
    x = np.linspace(0.5, 2.0, 8)

    def gradient() -> np.ndarray:
        result: np.ndarray = ad.gradient(lambda x: np.sum(np.sin(x) * x), x, engine=info.name)
        return result

    try:
        first, seconds = _timed(gradient)
        second = _timed(gradient)[1]
    except AdglotError as error:
        click.echo(f"{info.name:24} {type(error).__name__}: {error}")
        return False
    right = np.allclose(first, np.cos(x) * x + np.sin(x), rtol=1e-5)
    verdict = "" if right else "  WRONG"
    click.echo(f"{info.name:24} {seconds:8.2f} s, then {1e3 * second:.1f} ms{verdict}")
    return right


def _timed(function: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    result = function()
    return result, time.perf_counter() - started
