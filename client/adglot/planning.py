"""The methods of a client as plans: what they ask is sent by somebody else."""

from __future__ import annotations

from typing import Any

from adglot.asking import Plan, Session
from adglot.methods import Methods
from adglot.prepared import Prepared


class Planner(Methods):
    """The plans of a client's methods, not yet driven."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _run(self, plan: Plan[Any]) -> Plan[Any]:
        return plan

    def _follow(self, flow: Any, points: Any) -> Any:
        raise NotImplementedError("a planner makes plans, and runs none")

    def _last(self, results: Any, then: Any) -> Any:
        raise NotImplementedError("a planner makes plans, and runs none")

    def _prepared(self, plan: Any) -> Prepared:
        raise NotImplementedError("a planner makes plans, and runs none")
