"""The engines of packages, and what is known of them: what they lack, and where they differ."""

from importlib import util
from typing import NamedTuple

import pytest

from adglot_server.engines import autograd, jax, torch

HEAVY = ("jax", "torch")
MADE = (autograd.AutogradEngine(), jax.JaxEngine(), torch.TorchEngine())
LACKS = {package.name: package.lacks for package in (autograd.PACKAGE, jax.PACKAGE, torch.PACKAGE)}


def _marked(engine):
    """Those that `make test-engines` alone installs are marked; the rest runs with every test."""
    missing = pytest.mark.skipif(
        util.find_spec(engine.name) is None, reason=f"needs {engine.name}: make test-engines"
    )
    marks = [pytest.mark.engines, missing] if engine.name in HEAVY else []
    return pytest.param(engine, id=engine.name, marks=marks)


ENGINES = [_marked(engine) for engine in MADE]


class Difference(NamedTuple):
    """Where a package differs from us at smooth points, and why."""

    engine: str
    op: str
    why: str
    operators: tuple[str, ...] = ("jvp", "vjp")
    samples: tuple[int, ...] | None = None
    """Numbers of the samples; None for all that are smooth."""

    def covers(self, engine, op, sample, operator):
        return (
            (self.engine, self.op) == (engine, op)
            and operator in self.operators
            and (self.samples is None or sample in self.samples)
        )


EVERY = ("evaluate", "jvp", "vjp")
SYMMETRIC = "takes a tangent of a whole Hermitian matrix, gives a cotangent of one"
SIGNS = "signs and phases of the vectors are LAPACK's choice, and its LAPACK is another one"
PHASES = "another phase of the eigenvectors: the derivative that does not turn them"
TRIGAMMA = "trigamma is right to 1e-10 only"
COMPLEX_SIGN = "the sign of a complex number has a zero derivative"

DIFFERENCES = [
    Difference("autograd", "linalg.cholesky", SYMMETRIC),
    Difference("autograd", "linalg.eig", PHASES),
    Difference("autograd", "linalg.slogdet", COMPLEX_SIGN, samples=(2,)),
    Difference("autograd", "linalg.triangular_solve", "forgets unit_diagonal", samples=(3,)),
    Difference("autograd", "prod", "divides by zeros", samples=(7,)),
    Difference("autograd", "sign", COMPLEX_SIGN, samples=(3,)),
    Difference("jax", "linalg.cholesky", SYMMETRIC),
    Difference("jax", "linalg.eigh", SYMMETRIC),
    Difference("jax", "linalg.eig", SIGNS, ("evaluate",), (4,)),
    Difference("jax", "sign", COMPLEX_SIGN, samples=(3,)),
    Difference("torch", "linalg.cholesky", SYMMETRIC),
    Difference("torch", "linalg.det", "no forward derivative at singular matrices", ("jvp",), (1,)),
    Difference("torch", "linalg.eig", PHASES, ("jvp",)),
    Difference("torch", "linalg.eig", SIGNS, ("evaluate",), (4,)),
    Difference("torch", "linalg.eigh", SYMMETRIC),
    Difference("torch", "linalg.eigh", SIGNS, ("evaluate",), (0, 2, 3, 4)),
    Difference("torch", "linalg.svd", SIGNS, EVERY, (1,)),
    Difference("torch", "special.digamma", TRIGAMMA, samples=(0, 2)),
    Difference("torch", "special.polygamma", TRIGAMMA, samples=(0,)),
    Difference("torch", "special.polygamma", TRIGAMMA, ("evaluate",), (1,)),
]
"""All there are: each is seen to differ, and every other sample to agree."""


def difference(engine, op, sample, operator):
    """Why that is known to differ, or None."""
    found = (d.why for d in DIFFERENCES if d.covers(engine, op, sample, operator))
    return next(found, None)


UNSUPPORTED = {
    "autograd": {
        "linalg.det[1] jvp",
        "linalg.det[1] vjp",
        "linalg.triangular_solve[4]",
        "linalg.triangular_solve[5]",
        "special.yv[2]",
    },
    "jax": {
        "argmax[3]",
        "argmin[3]",
        *(f"linalg.eig[{k}] {operator}" for k in range(5) for operator in ("jvp", "vjp")),
        "special.iv[2]",
        "special.ive[2]",
    },
    "torch": {
        "argmax[3]",
        "argmin[3]",
        "argsort[3]",
        *(f"linalg.eig[{k}] vjp" for k in range(5)),
        "max[2]",
        *(f"maximum[{k}]" for k in (5, 6, 7)),
        "min[2]",
        *(f"minimum[{k}]" for k in (5, 6, 7)),
        "round[3]",
        "sort[3]",
        "special.iv[2]",
        "special.ive[2]",
    },
}
"""Samples that are answered Unsupported though their op is taken, or one operator of them."""


def unsupported(engine, op, sample, operator):
    """Whether that is known to be answered Unsupported."""
    names = {f"{op}[{sample}]", f"{op}[{sample}] {operator}"}
    return op in LACKS[engine] or bool(names & UNSUPPORTED[engine])
