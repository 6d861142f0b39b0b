"""Derivatives of NumPy functions, computed in this process or by a server that speaks adglot.v1.

>>> import adglot, numpy as np
>>> with adglot.connect() as ad:
...     ad.gradient(lambda x: np.sum(x**2), np.array([1.0, 2.0]))
array([2., 4.])

Users import this package. It never imports `adglot_server`, which joins through the entry points
`adglot.embedded` and `adglot.engines`. Imports run one way: errors <- ir <- ops <- tracing <-
client. Importing it is quick: protobuf and grpc wait until a file or a server is named.
"""

from importlib.metadata import version

from adglot import files
from adglot.calls import EngineInfo, Explanation, OpInfo, Pattern, Report, ServerInfo
from adglot.client import Client, connect
from adglot.errors import (
    AdglotError,
    Cancelled,
    DeadlineExceeded,
    EngineCrashed,
    GuardFailed,
    InternalError,
    InvalidArgument,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    TLSError,
    TracingError,
    Unauthenticated,
    Unavailable,
    UnknownEngine,
    UnknownGraph,
    UnknownJob,
    Unsupported,
    Violation,
)
from adglot.ir import Graph, Type
from adglot.jobcalls import JobStatus
from adglot.jobs import Job
from adglot.reports import reports
from adglot.sparse import Matrices
from adglot.tls import TLS
from adglot.tracing import cond, custom_derivative, scan, shared, trace, while_loop

__all__ = [
    "TLS",
    "AdglotError",
    "Cancelled",
    "Client",
    "DeadlineExceeded",
    "EngineCrashed",
    "EngineInfo",
    "Explanation",
    "Graph",
    "GuardFailed",
    "InternalError",
    "InvalidArgument",
    "Job",
    "JobStatus",
    "LimitExceeded",
    "Matrices",
    "NotFound",
    "OpInfo",
    "Pattern",
    "PermissionDenied",
    "Report",
    "ServerInfo",
    "TLSError",
    "TracingError",
    "Type",
    "Unauthenticated",
    "Unavailable",
    "UnknownEngine",
    "UnknownGraph",
    "UnknownJob",
    "Unsupported",
    "Violation",
    "cond",
    "connect",
    "custom_derivative",
    "reports",
    "scan",
    "shared",
    "trace",
    "while_loop",
]

__version__ = version("adglot")

files.plug_in()
