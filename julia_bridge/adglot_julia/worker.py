"""The Julia worker: ``python -m adglot_julia.worker --listen unix:/run/julia.sock``.

The main thread imports Julia and makes every call into it; the threads of the service decode,
queue and encode, and answer health and listings meanwhile. The process ends itself when a call
outlives its callers: nothing else ends a call into Julia.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from importlib import import_module
from typing import Any

import click

from adglot_julia.command import GRACE
from adglot_julia.installation import ENVIRONMENT, environment
from adglot_julia.thread import JuliaThread
from adglot_server.cli import announce, limits_of, security_of, telling_of
from adglot_server.options import limit_options, security_options, telling_options
from adglot_server.service import server
from adglot_server.service.engines import Engines

FAMILY = "julia"

WAITING = 8
"""Requests that are decoded, encoded or queued at one time; Julia makes one call at a time."""


@click.command(context_settings={"show_default": True})
@click.option(
    "--listen", multiple=True, default=("localhost:50052",), metavar="ADDRESS",
    help="host:port or unix:/path; repeat to listen on several.",
)  # fmt: skip
@limit_options
@security_options
@telling_options
@click.option(
    "--hung-after", type=click.FloatRange(min=0), default=GRACE, metavar="SECONDS",
    help="End this process when a call into Julia outlives its callers by so much.",
)  # fmt: skip
def main(listen: tuple[str, ...], hung_after: float, **options: Any) -> None:
    """Serve the AD packages of Julia until Ctrl-C or SIGTERM.

    Every option can also be set in the environment, as those of ``adglot serve``: --max-nodes by
    ADGLOT_SERVE_MAX_NODES. A supervisor sets them; one who starts this by hand has the flags.
    """
    security, telling = security_of(options, listen), telling_of(options)
    telling.log()
    thread = JuliaThread()
    engines = load(thread)
    server.serve(
        listen,
        announce,
        hung_after=hung_after,
        main=thread,
        workers=WAITING,
        limits=limits_of(options),
        engines=engines,
        credentials=security.credentials(),
        tokens=security.known(),
        observers=telling.observers(),
        grace=hung_after,
    )


def load(thread: JuliaThread) -> Engines:
    """The engines of the Julia that this thread, which owns the queue, now imports."""
    for name, value in environment().items():
        if value is not None:
            os.environ[name] = value
    if faulthandler.is_enabled():
        faulthandler.disable()
    sys.path.append(str(ENVIRONMENT))
    family: Any = import_module("adglot_julia.engines").JuliaEngines(thread)
    # Julia keeps them for a thread of its own; here who is asked to end answers first.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    return Engines((), {FAMILY: family})


if __name__ == "__main__":
    main(auto_envvar_prefix="ADGLOT_SERVE")
