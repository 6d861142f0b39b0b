"""Who is measured: a file a package, a class a way of use.

Each makes of a workload a `Contestant`: what is called, and how its answer is read. Packages are
imported when a peer is loaded; where one is missing, the reason stands in the results.
"""

from __future__ import annotations

from importlib import import_module

from benchmarks.peers.base import Absent, Contestant, Peer

__all__ = ["OURS", "PEERS", "Absent", "Contestant", "Peer", "load"]

OURS = "adglot"
"""Whose time is one; it must answer."""

PEERS = {
    OURS: "benchmarks.peers.adglot:Client",
    "engine": "benchmarks.peers.adglot:Engine",
    "compiled": "benchmarks.peers.adglot:CompiledAtOnce",
    "optimised": "benchmarks.peers.adglot:OptimisedAtOnce",
    "interpreter": "benchmarks.peers.adglot:Interpreted",
    "function": "benchmarks.peers.adglot:Function",
    "jax": "benchmarks.peers.jax:Jax",
    "torch": "benchmarks.peers.torch:Torch",
    "autograd": "benchmarks.peers.autograd:Autograd",
    "casadi": "benchmarks.peers.casadi:Casadi",
    "differences": "benchmarks.peers.differences:Differences",
}


def load(name: str) -> Peer:
    """The peer of this name; `Absent` where its package is missing."""
    module, attribute = PEERS[name].split(":")
    try:
        return getattr(import_module(module), attribute)()  # type: ignore[no-any-return]
    except ImportError as error:
        raise Absent(f"not installed: {error.name}") from error
