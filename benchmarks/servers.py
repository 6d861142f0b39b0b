"""The two servers under measurement, each a process of its own: adglot's, and a bare echo."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@dataclass(frozen=True)
class Running:
    """A server process and the two addresses it listens on."""

    tcp: str
    unix: str
    pid: int

    def status(self, field: str) -> int:
        """Bytes of a memory field of the process, such as VmHWM (peak) or VmRSS."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
        raise KeyError(field)


@contextmanager
def running(kind: str) -> Iterator[Running]:
    """A server process of this module, `adglot` or `echo`, ended with the block."""
    with tempfile.TemporaryDirectory() as folder:
        unix = f"unix:{folder}/socket"
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.servers", kind, unix],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        tcp = process.stdout.readline().strip()
        try:
            yield Running(tcp, unix, process.pid)
        finally:
            process.terminate()
            process.communicate()


@contextmanager
def served(*options: str) -> Iterator[str]:
    """The address of a server that the command line runs with these options."""
    command = [sys.executable, "-m", "adglot", "serve", "--address", "127.0.0.1:0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def echo_reply(size: int) -> str:
    """The method of the echo server that answers with so many bytes."""
    return f"/echo/{size}"


def _echo(unix: str) -> None:
    """A generic grpc server of the same library and thread model, without any work."""
    sizes: dict[str, bytes] = {}

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            size = details.method.rsplit("/", 1)[1]
            if size not in sizes:
                sizes[size] = bytes(int(size))
            return grpc.unary_unary_rpc_method_handler(lambda request, context: sizes[size])

    server = grpc.server(ThreadPoolExecutor(256), handlers=[Handler()], options=UNLIMITED)
    port = server.add_insecure_port("127.0.0.1:0")
    server.add_insecure_port(unix)
    server.start()
    print(f"127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


def _adglot(unix: str) -> None:
    from adglot_server.service.server import serve

    serve(["127.0.0.1:0", unix], lambda server: print(server.addresses[0], flush=True))


if __name__ == "__main__":
    {"echo": _echo, "adglot": _adglot}[sys.argv[1]](sys.argv[2])
