"""PyTorch, eager: autograd for gradients, `torch.func` for the rest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import array_api_compat.torch as array_api
import torch

from benchmarks.peers.base import Contestant, Namespace, reader, rows_and_columns, scan
from benchmarks.workloads.base import Workload

XP = Namespace(array_api, scan=scan(array_api))


class Torch:
    """Eager, one thread."""

    title = "torch"
    version = torch.__version__

    def __init__(self) -> None:
        torch.set_num_threads(1)

    def build(self, workload: Workload) -> Contestant:
        """Nothing is compiled."""
        f = partial(workload.function, XP)
        point = [torch.tensor(x) for x in (*workload.point, *workload.seeds)]
        if workload.operator == "gradient":
            return Contestant(partial(_gradient, f, point, workload.argnums), reader(workload))
        function = _derivative(workload, f)
        if workload.batch is not None:
            function = torch.func.vmap(function)
        return Contestant(lambda: function(*point), reader(workload))


def _gradient(f: Callable[..., Any], point: list[Any], argnums: tuple[int, ...]) -> Any:
    leaves = [x.detach().requires_grad_(i in argnums) for i, x in enumerate(point)]
    return torch.autograd.grad(f(*leaves), [leaves[i] for i in argnums])


def _derivative(workload: Workload, f: Callable[..., Any]) -> Callable[..., Any]:
    if workload.operator == "hessian":
        return torch.func.hessian(f)  # type: ignore[no-any-return]
    if workload.operator == "hvp":
        return lambda x, *rest: torch.func.jvp(
            lambda x: torch.func.grad(f)(x, *rest[:-1]), (x,), (rest[-1],)
        )[1]
    value = f(*map(torch.tensor, workload.example))
    rows, columns = rows_and_columns(workload, value)
    transform = torch.func.jacfwd if columns <= rows else torch.func.jacrev
    return transform(f, workload.argnums)  # type: ignore[no-any-return]
