"""The command `adglot serve`, which `adglot` finds by the entry points `adglot.commands`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from adglot.errors import InvalidArgument
from adglot.tls import TLS
from adglot_server import settings
from adglot_server.job_options import job_options, job_settings_of
from adglot_server.options import (
    FILE,
    SECRETS,
    limit_options,
    security_options,
    telling_options,
    worker_options,
)
from adglot_server.service.limits import Limits
from adglot_server.workers.command import Bounds

if TYPE_CHECKING:
    from adglot_server.engines.remote import RemoteFamily
    from adglot_server.service.engines import Engines
    from adglot_server.service.jobs import Jobs, JobSettings
    from adglot_server.service.security import Security
    from adglot_server.service.server import Server
    from adglot_server.service.telling import Telling

T = TypeVar("T")


@click.command(context_settings={"show_default": True})
@click.option(
    "--config", type=FILE, metavar="FILE", is_eager=True, callback=settings.read,
    help="TOML file of settings, named as the flags; flags and environment go before it.",
)  # fmt: skip
@click.option(
    "--show-config", is_flag=True, help="Print each setting and where it comes from, and end."
)
@click.option(
    "--address", multiple=True, default=("localhost:50051",), metavar="ADDRESS",
    help="host:port (port 0: any free one) or unix:/path; repeat to listen on several.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(min=1), show_default="the usable cores", metavar="N",
    help="Requests that compute at one time.",
)  # fmt: skip
@click.option(
    "--processes", type=click.IntRange(min=1), default=1, metavar="N",
    help="Processes that share the ports, each with its share of the workers; one that ends is "
    "started again.",
)  # fmt: skip
@click.option(
    "--coalesce-wait", type=click.FloatRange(min=0, max=1), default=0.0, metavar="SECONDS",
    help="Longest that a request waits for others about the same program, to be run with them as "
    "one batch; 0: never.",
)  # fmt: skip
@limit_options
@worker_options
@security_options
@telling_options
@job_options
@click.option(
    "--grace", type=click.FloatRange(min=0), default=30.0, metavar="SECONDS",
    help="Time that running requests get to finish when the server stops.",
)  # fmt: skip
@click.option(
    "--drain-wait", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS",
    help="Time before that, in which health says that it stops and requests are still taken, for "
    "load balancers that look at health.",
)  # fmt: skip
@click.pass_context
def serve(
    context: click.Context,
    /,
    address: tuple[str, ...],
    processes: int,
    workers: int | None,
    config: Path | None,
    show_config: bool,
    **options: Any,
) -> None:
    """Serve derivatives until Ctrl-C or SIGTERM, then finish what runs.

    Every option can also be set in the environment: --max-nodes by ADGLOT_SERVE_MAX_NODES, and so
    on; several addresses stand with spaces between. And in the file of --config: max-nodes = 1000.
    """
    from adglot_server.executors.batches import cores
    from adglot_server.service.processes import serve_together

    options["security"] = security_of(options, address)
    options["telling"] = telling_of(options)
    if show_config:
        click.echo("\n".join(settings.lines(context, SECRETS)))
        return
    options["jobs"] = job_settings_of(options, processes)
    if processes == 1:
        _serve(address, announce, workers=workers, **options)
        return
    options["telling"].check()
    options["telling"].log()
    options["workers"] = workers or max(1, cores() // processes)
    serve_together(processes, address, _serve_one, options, _print_addresses)


def _serve_one(
    addresses: Sequence[str], ready: Callable[[], None], options: dict[str, Any]
) -> None:
    """One of several processes."""
    _serve(addresses, lambda server: ready(), reuse_port=True, **options)


def _serve(
    addresses: Sequence[str],
    ready: Callable[[Server], None],
    *,
    security: Security,
    telling: Telling,
    grace: float,
    drain_wait: float,
    hung_after: float | None,
    workers: int | None,
    coalesce_wait: float,
    jobs: JobSettings | None,
    reuse_port: bool = False,
    number: int = 0,
    **options: Any,
) -> None:
    """Serve in this process, as the options of the command line say."""
    from adglot_server.service import server

    telling.log()
    limits = limits_of(options)
    server.serve(
        addresses,
        ready,
        hung_after=hung_after,
        workers=workers,
        limits=limits,
        engines=_engines(limits, telling.traces, **options),
        credentials=security.credentials(),
        tokens=security.known(),
        observers=telling.observers(number),
        grace=grace,
        drain_wait=drain_wait,
        coalesce_wait=coalesce_wait,
        reuse_port=reuse_port,
        jobs=_kept(jobs),
    )


def _kept(settings: JobSettings | None) -> Jobs | None:
    """The jobs of these settings."""
    if settings is None:
        return None
    from adglot_server.service.jobs import Jobs

    return Jobs(settings)


def limits_of(options: dict[str, Any]) -> Limits:
    """The limits among the options of a command line, which are taken out."""
    names = [field.name for field in fields(Limits)]
    return Limits(**{name: options.pop(f"max_{name}") for name in names})


def security_of(options: dict[str, Any], addresses: Sequence[str]) -> Security:
    """The security among the options of a command line, which are taken out.

    Raises InvalidArgument where other machines would reach a server that demands nothing.
    """
    from adglot_server.service.security import Security

    security = _taken(Security, options)
    security.check(addresses)
    return security


def telling_of(options: dict[str, Any]) -> Telling:
    """What is told, among the options of a command line, which are taken out."""
    from adglot_server.service.telling import Telling

    return _taken(Telling, options)


def _taken(kind: type[T], options: dict[str, Any]) -> T:
    """A dataclass from the options that have its fields' names."""
    names = [field.name for field in fields(cast(Any, kind))]
    return kind(**{name: options.pop(name) for name in names})


def announce(server: Server) -> None:
    """Print where the server listens, a line each."""
    _print_addresses(server.addresses)


def _print_addresses(addresses: Sequence[str]) -> None:
    for address in addresses:
        click.echo(f"adglot listens on {address}")


def _engines(
    limits: Limits,
    traces: str | None,
    engine: dict[str, str],
    engine_token: dict[str, str],
    engine_tls: bool,
    engine_root: Path | None,
    engine_certificate: Path | None,
    engine_key: Path | None,
    isolate: tuple[str, ...],
    start: tuple[str, ...],
    only: tuple[str, ...],
    **worker: Any,
) -> Engines:
    """The engines that a command line asks for."""
    from adglot_server.service.engines import GROUP, Engines
    from adglot_server.workers.command import isolated

    points = entry_points(group=GROUP)
    for name in (*only, *isolate):
        if name not in points.names:
            there = ", ".join(sorted(points.names))
            raise InvalidArgument(f"no engine {name!r} is installed; there are {there}")
    tls = TLS(engine_root, engine_certificate, engine_key) if engine_tls else False
    attached = {
        name: _attached(name, address, tls, engine_token.get(name))
        for name, address in engine.items()
    }
    bounds = {name.removeprefix("worker_"): value for name, value in worker.items()}
    engines = Engines(
        [point for point in points if not only or point.name in only],
        {**{name: isolated(name, traces) for name in isolate}, **attached},
        Bounds(**bounds, limits=limits.as_dict()),
    )
    for name in start:
        engines.start(name)
    return engines


def _attached(name: str, address: str, tls: bool | TLS, token: str | None) -> RemoteFamily:
    from adglot_server.engines.remote import Address, RemoteFamily

    return RemoteFamily(name, Address(name, address, tls, token))
