"""What workers are started with: all that a chunk needs, imported before there is any chunk.

No more than imported: what starts a thread or opens a file here would be broken in every worker.
"""

from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

from adglot.transports.embedded import GROUP
from adglot_server.jobs import chunk

for point in entry_points(group=GROUP, name="default"):
    point.load()
for package, module in (("zarr", "zarr.buffer.cpu"), ("llvmlite", "llvmlite.binding")):
    if find_spec(package):
        import_module(module)

__all__ = ["chunk"]
