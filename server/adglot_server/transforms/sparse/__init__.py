"""Sparse Jacobians and Hessians: find the pattern, colour it, pass compressed seeds, pick nonzeros.

`detect` follows index sets through a graph, `colouring` partitions columns and rows, `plan` puts
both together, and `compress` makes the graph that answers the nonzeros.
"""
