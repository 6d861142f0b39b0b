"""The engine `casadi`: real graphs as CasADi's scalar expressions, differentiated by CasADi.

Only `engine` is imported without CasADi.
"""

from adglot_server.engines.casadi.engine import CasadiEngine

__all__ = ["CasadiEngine"]
