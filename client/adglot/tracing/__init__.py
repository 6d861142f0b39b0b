"""Python functions on NumPy arrays become graphs: traced arrays, guards, locations, refusals.

May import `adglot.ops`, `adglot.ir` and `adglot.errors`; knows neither the wire nor any engine.
"""

from adglot.tracing.array import Array
from adglot.tracing.trace import Closed, inline, trace, trace_closed, trace_flat

__all__ = ["Array", "Closed", "inline", "trace", "trace_closed", "trace_flat"]
