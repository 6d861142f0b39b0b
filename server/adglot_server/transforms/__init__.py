"""Graph to graph: jvp, linearize, transpose, batch and simplify live here.

May import `adglot.errors`, `adglot.ir` and `adglot.ops`: no executor, no engine, no wire.
"""
