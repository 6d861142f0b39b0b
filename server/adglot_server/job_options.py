"""The options of a server that keeps jobs, and the settings that they make."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from adglot_server.executors.batches import cores
from adglot_server.jobs.extras import need
from adglot_server.jobs.quotas import Quotas
from adglot_server.options import Command, having, named

if TYPE_CHECKING:
    from adglot_server.service.jobs import JobSettings

QUOTAS = {
    "jobs": "jobs that one token may have queued or running",
    "job_points": "points of one job",
    "job_bytes": "bytes of the results of one job",
}
"""What each quota bounds, in the words of the help text."""

OPTIONS = (
    click.option(
        "--job-root", multiple=True, metavar="PLACE",
        help="Keep jobs, and have them read and write below this folder or URL alone; repeat for "
        "several. {owner} in it stands for the name of the caller's token.",
    ),
    click.option(
        "--job-database", metavar="URL", show_default=".adglot/jobs.sqlite in the first root",
        help="Where jobs are kept: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
    ),
    click.option(
        "--job-scheduler", metavar="ADDRESS", show_default="processes of this machine",
        help="Run jobs on the workers of this Dask scheduler, e.g. tcp://host:8786.",
    ),
    click.option(
        "--job-workers", type=click.IntRange(min=1), show_default="the usable cores", metavar="N",
        help="Processes of this machine that run a job.",
    ),
    click.option(
        "--job-engine", multiple=True, metavar="NAME=ADDRESS", callback=named,
        help="Have the server at this address compute jobs for the engines NAME and NAME/x, as "
        "one that --engine attaches does; repeat for several.",
    ),
    click.option(
        "--job-lease", type=click.FloatRange(min=1), default=15.0, metavar="SECONDS",
        help="Time after which another server takes over the job of one that says nothing.",
    ),
    click.option(
        "--leave-jobs", is_flag=True,
        help="Keep jobs and run none: other servers with the same database do.",
    ),
    *(
        click.option(
            f"--max-{name.replace('_', '-')}", type=click.IntRange(min=1), default=most,
            metavar="N", help=f"Most {QUOTAS[name]}.",
        )
        for name, most in asdict(Quotas()).items()
    ),
)  # fmt: skip


def job_options(command: Command) -> Command:
    """Give a command these options."""
    return having(OPTIONS, command)


def job_settings_of(options: dict[str, Any], processes: int = 1) -> JobSettings | None:
    """What a command line says of jobs, None without a root; these options are taken out.

    Of several processes each runs jobs, with its share of the workers.
    """
    names = ("root", "database", "scheduler", "workers", "engine", "lease")
    told = {name: options.pop(f"job_{name}") for name in names}
    quotas = Quotas(**{name: options.pop(f"max_{name}") for name in QUOTAS})
    leave = options.pop("leave_jobs")
    if not told["root"]:
        return None
    need("sqlalchemy")
    from adglot_server.service.jobs import JobSettings

    return JobSettings(
        told["root"],
        told["database"],
        told["scheduler"],
        told["workers"] or max(1, cores() // processes),
        told["lease"],
        {**options.get("engine", {}), **told["engine"]},
        quotas,
        not leave,
    )
