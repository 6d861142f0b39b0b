"""Elementary functions as LLVM IR, one code for scalars and lanes: the table of them.

Each works in float64 and is at most 1.5 ulp from the exact value over the whole range (tests hold
every function to it); float32 is computed in float64 and rounded once. Formulas are written on
`Lanes`, and their sources stand in the modules.
"""

from __future__ import annotations

from collections.abc import Callable

from adglot_server.executors.compiled.functions.exponentials import exp, expm1, tanh
from adglot_server.executors.compiled.functions.logarithms import log, log1p
from adglot_server.executors.compiled.functions.powers import power
from adglot_server.executors.compiled.functions.trigonometry import cos, sin, tan
from adglot_server.executors.compiled.lanes import Lanes

FUNCTIONS: dict[str, Callable[..., Lanes]] = {
    "cos": cos,
    "exp": exp,
    "expm1": expm1,
    "log": log,
    "log1p": log1p,
    "pow": power,
    "sin": sin,
    "tan": tan,
    "tanh": tanh,
}
"""By the name of the op; each takes float64 lanes and gives float64 lanes."""
