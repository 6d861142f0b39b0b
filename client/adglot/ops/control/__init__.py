"""Ops with sub-graphs: call, cond, scan, while_loop, custom_derivative.

Their rules are given the transforms (`core.Transforms`) and apply them to the sub-graphs. A rule
emits the primal op and, apart from it, an op that is linear in the tangents, so that the latter
can be transposed. Sub-graphs have no guards; what they close over comes in as operands.
"""

from adglot.ops.control.branches import cond
from adglot.ops.control.call import call
from adglot.ops.control.custom import custom_derivative
from adglot.ops.control.loops import while_loop
from adglot.ops.control.scan import scan

__all__ = ["call", "cond", "custom_derivative", "scan", "while_loop"]
