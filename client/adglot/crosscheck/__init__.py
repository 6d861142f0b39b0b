"""Compare engines: who is right, and which op is to blame. Talks to engines through a client."""

from adglot.crosscheck.model import (
    Arbiter,
    Block,
    Cell,
    Convention,
    Crosscheck,
    Culprit,
    EngineRun,
    Finding,
    FreeCheck,
    Verdict,
)

__all__ = [
    "Arbiter",
    "Block",
    "Cell",
    "Convention",
    "Crosscheck",
    "Culprit",
    "EngineRun",
    "Finding",
    "FreeCheck",
    "Verdict",
]
