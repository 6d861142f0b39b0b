"""Engines, one module each: prepare a derivative of a graph, then run it at points.

May import `adglot.errors`, `adglot.ir`, `adglot.ops`, the transforms and the executors, never the
service or the tracer. Engines share forward semantics only: none but `native` may use the
derivative rules.
"""
