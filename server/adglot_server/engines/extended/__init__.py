"""The engines `extended` and `one-sided`: the arbiter of the cross-check.

Functions are evaluated in many digits and differentiated by differences, so no derivative rule of
anybody is used: `extended` says who is right where engines differ, `one-sided` what is on either
side of a kink. Only `engine` is imported without mpmath.
"""

from adglot_server.engines.extended.engine import ExtendedEngine, OneSidedEngine

__all__ = ["ExtendedEngine", "OneSidedEngine"]
