"""Derivatives of NumPy functions, computed in this process or by a server that speaks adglot.v1.

Users import this package. It never imports `adglot_server`, which joins through the entry points
`adglot.embedded` and `adglot.engines`. Imports run one way: errors <- ir <- ops <- tracing <-
client.
"""

from importlib.metadata import version

__version__ = version("adglot")
