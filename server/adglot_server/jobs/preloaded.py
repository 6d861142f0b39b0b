"""What workers are started with: all that a chunk needs, imported before there is any chunk.

No more than imported: what starts a thread or opens a file here would be broken in every worker.
"""

from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

from adglot.codec import graphs
from adglot.transports.embedded import GROUP
from adglot_server.jobs import chunk

for point in entry_points(group=GROUP, name="default"):
    point.load()
if find_spec("llvmlite"):
    import_module("llvmlite.binding")

__all__ = ["chunk", "graphs"]
