"""The test suite of PyPI's autograd, run with adglot's tracer and transforms in place of its own.

`sdist` gets the suite from the package index, `shim` is what stands in for autograd's tracer, and
`test_suite` runs the suite in a process of its own and compares with `expected`.
"""
