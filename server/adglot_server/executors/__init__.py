"""Run a graph on arrays: the interpreter, and what prepares a graph for it, live here.

May import `adglot.errors`, `adglot.ir`, `adglot.ops` and the transforms: no engine, no wire.
"""
