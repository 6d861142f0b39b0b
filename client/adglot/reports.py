"""How answers came about, for those who ask: engine, mode, passes, op counts, times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

from adglot.calls import Answer, Report

_listening: ContextVar[tuple[list[Report], ...]] = ContextVar("listening", default=())

listening = _listening.get
"""Who listens in this thread or task: nobody, as a rule."""


@contextmanager
def reports() -> Iterator[list[Report]]:
    """Collect the report of every answer that this thread or task gets within the block.

    Numerical engines estimate the errors of what they answer: `Report.error_estimates` has an
    array of absolute errors for each array of derivatives, in the order in which these come.

    >>> import adglot, numpy as np
    >>> with adglot.connect() as ad, adglot.reports() as reports:
    ...     g = ad.gradient(lambda x: np.sum(x**2), np.ones(3))
    >>> reports[0].engine, reports[0].mode, reports[0].passes
    ('native', 'reverse', 1)
    """
    collected: list[Report] = []
    token = _listening.set((*listening(), collected))
    try:
        yield collected
    finally:
        _listening.reset(token)


def tell(answer: Answer) -> None:
    """Give an answer's report to all who listen here."""
    if listeners := listening():
        report = replace(answer.report, error_estimates=answer.error_estimates)
        for collected in listeners:
            collected.append(report)
