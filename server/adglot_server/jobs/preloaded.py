"""What workers are started with: all that a chunk needs, imported before there is any chunk.

Imports alone: what started a thread here would be broken in every worker.
"""

from importlib.metadata import entry_points
from importlib.util import find_spec

import adglot_server.jobs.chunk  # noqa: F401 - imported to be there
from adglot.transports.embedded import GROUP

for point in entry_points(group=GROUP, name="default"):
    point.load()
if find_spec("zarr"):
    import zarr.buffer.cpu  # noqa: F401 - imported to be there
