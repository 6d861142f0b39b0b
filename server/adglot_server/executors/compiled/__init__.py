"""Run a graph as machine code: LLVM IR of our own emission, compiled by llvmlite.

May import what executors may; llvmlite is imported by `machine` alone, when it is first needed.
"""
