"""The adglot server: transforms, executors, engines and the service that offers them.

May import `adglot.errors`, `adglot.ir` and `adglot.ops`, the service also `adglot.calls`,
`adglot.codec` and `adglot.v1`; nothing in `adglot` imports it. Imports run one way: transforms <-
executors <- engines <- service.
"""
