"""Ask one engine all questions, one after the other, and keep what comes back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from adglot.asking import Fields, Plan
from adglot.calls import Answer, Array, Operator, Report
from adglot.crosscheck.model import Verdict
from adglot.crosscheck.questions import Question
from adglot.crosscheck.requests import Asker, arrays
from adglot.errors import AdglotError, Unsupported
from adglot.ir import Graph

BRING_VALUES: tuple[Operator, ...] = ("jvp", "vjp", "gradient", "jacobian")
"""The operators that bring the values along for nothing."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one engine said to one question: blocks, or in `failure` why there are none.

    `estimates` has what a numerical engine says of its own errors.
    """

    engine: str
    question: Question
    blocks: tuple[Array, ...] = ()
    estimates: tuple[Array, ...] = ()
    failure: Verdict | None = None
    report: Report = field(default_factory=Report)
    seconds: float = 0.0


def interview(
    asker: Asker, engine: str, graph: Graph, values: Sequence[Array], questions: Sequence[Question]
) -> Plan[list[Reply]]:
    """One reply a question; an engine's failure is a reply, too."""
    replies: list[Reply] = []
    along = _along(questions)
    for question in questions:
        if question.operator != "evaluate" or along is None:
            brings = question is along
            found = yield from _reply(asker, engine, graph, values, question, brings)
            replies.append(found[0])
            if brings:
                evaluate = next(q for q in questions if q.operator == "evaluate")
                replies.append(
                    (yield from _evaluated(asker, engine, graph, values, evaluate, found))
                )
    order = {question.operator: k for k, question in enumerate(questions)}
    return sorted(replies, key=lambda reply: order[reply.question.operator])


def _along(questions: Sequence[Question]) -> Question | None:
    """The question whose answer brings the values, where these are asked for."""
    if all(question.operator != "evaluate" for question in questions):
        return None
    return next((q for q in questions if q.operator in BRING_VALUES), None)


def _evaluated(
    asker: Asker,
    engine: str,
    graph: Graph,
    values: Sequence[Array],
    evaluate: Question,
    brought: tuple[Reply, Answer | None],
) -> Plan[Reply]:
    """The values: as they came along, or asked for where the derivative failed."""
    answer = brought[1]
    if answer is None:
        return (yield from _reply(asker, engine, graph, values, evaluate, False))[0]
    return _checked(Reply(engine, evaluate, tuple(map(np.asarray, answer.values))))


def _reply(
    asker: Asker,
    engine: str,
    graph: Graph,
    values: Sequence[Array],
    question: Question,
    brings: bool,
) -> Plan[tuple[Reply, Answer | None]]:
    started = time.perf_counter()
    fields: Fields = {**question.fields, "include_values": brings}
    try:
        answer = yield from asker.ask(engine, graph, values, fields)
    except AdglotError as error:
        seconds = time.perf_counter() - started
        return Reply(engine, question, failure=_failure(error), seconds=seconds), None
    reply = Reply(
        engine,
        question,
        tuple(arrays(fields, answer)),
        answer.error_estimates,
        report=answer.report,
        seconds=time.perf_counter() - started,
    )
    return _checked(reply), answer


def _failure(error: AdglotError) -> Verdict:
    if isinstance(error, Unsupported):
        return Verdict("unsupported", why=str(error))
    return Verdict("error", why=f"{type(error).__name__}: {error}")


def _checked(reply: Reply) -> Reply:
    """The reply, or a failure where its blocks are not what was asked for."""
    wanted = [type.shape for type in reply.question.types]
    got = [block.shape for block in reply.blocks]
    if got == wanted:
        return reply
    why = f"answered blocks of shapes {got}, not {wanted}"
    return replace(reply, blocks=(), failure=Verdict("error", why=why))
