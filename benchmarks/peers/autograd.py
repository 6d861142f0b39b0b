"""HIPS autograd: a tape a call."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version

import autograd
import autograd.numpy as anp

from benchmarks.peers.base import Absent, Contestant, Namespace, reader, scan
from benchmarks.workloads.base import Workload

XP = Namespace(anp, concat=anp.concatenate, permute_dims=anp.transpose, scan=scan(anp))


class Autograd:
    """Its operators as they are."""

    title = "autograd"
    version = version("autograd")

    def build(self, workload: Workload) -> Contestant:
        """Nothing is compiled."""
        if workload.batch is not None:
            raise Absent(f"has no batches: {workload.batch} calls, one after the other")
        f, point = partial(workload.function, XP), (*workload.point, *workload.seeds)
        argnums = workload.argnums if len(workload.argnums) > 1 else workload.argnums[0]
        match workload.operator:
            case "gradient":
                derivative = autograd.grad(f, argnums)
            case "jacobian" if len(workload.argnums) > 1:
                raise Absent("takes Jacobians by one argument only")
            case "jacobian":
                derivative = autograd.jacobian(f, argnums)
            case "hessian":
                derivative = autograd.hessian(f)
            case "hvp":
                derivative = autograd.hessian_vector_product(f)
        return Contestant(lambda: derivative(*point), reader(workload))
