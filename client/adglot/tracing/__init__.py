"""Python functions on NumPy arrays become graphs: traced arrays, guards, locations, refusals.

May import `adglot.ops`, `adglot.ir` and `adglot.errors`; knows neither the wire nor any engine.
"""

from adglot.tracing.array import Array
from adglot.tracing.control import cond, scan, shared, while_loop
from adglot.tracing.custom import custom_derivative
from adglot.tracing.trace import Closed, inline, trace, trace_closed, trace_flat

__all__ = [
    "Array",
    "Closed",
    "cond",
    "custom_derivative",
    "inline",
    "scan",
    "shared",
    "trace",
    "trace_closed",
    "trace_flat",
    "while_loop",
]
