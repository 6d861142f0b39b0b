"""The command line: one module a group of commands.

May import everything of `adglot`; nothing imports it but `adglot.__main__`. Other packages add
commands by the entry points `adglot.commands`, as `adglot_server` does with `serve`.
"""
