"""The engine `symbolic`: small graphs as SymPy's formulas, differentiated by SymPy.

Only `engine` is imported without SymPy.
"""

from adglot_server.engines.symbolic.engine import SymbolicEngine

__all__ = ["SymbolicEngine"]
