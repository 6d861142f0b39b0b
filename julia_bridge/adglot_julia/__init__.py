"""The Julia worker: a process of its own that serves the AD packages of Julia.

May import `adglot` and `adglot_server`; nothing imports it but by entry points. Only `bridge` and
`worker` import juliacall, and only inside of functions.
"""
