"""The service: the core that answers calls, its gRPC servicers, limits, registry and health.

The top of the server: may import everything below it, `adglot.calls`, `adglot.codec` and
`adglot.v1`. Nothing in the server imports it; it is reached by entry points.
"""
