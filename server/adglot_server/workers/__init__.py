"""Workers: engines in processes of their own, which are started, watched and replaced.

`command` says what a worker is, `launch` is the first code of its process, `process` the process,
`worker` what it serves from its start to its end, `supervisor` keeps one of them alive. May import
the engines; only the service imports it.
"""
