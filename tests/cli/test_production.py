"""The page about production: its commands, its file of settings and its client, for real."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from urllib.request import urlopen

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from service.test_observing import Collector

from adglot.cli.loopback import LISTENING

PAGE = Path(__file__).parents[2] / "docs/production.md"
FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"\n]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [code for kind, _, code in FENCE.findall(PAGE.read_text()) if kind == language]


def run(command: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def collector() -> Iterator[tuple[Collector, int]]:
    """Somebody who takes traces, and its port."""
    receiver, found = grpc.server(futures.ThreadPoolExecutor(2)), Collector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(found, receiver)
    port = receiver.add_insecure_port("localhost:0")
    receiver.start()
    yield found, port
    receiver.stop(None)


def settings(port: int) -> str:
    """The file of the page, for this machine and for any free ports."""
    (text,) = blocks("toml")
    moved = {
        "0.0.0.0:50051": "localhost:0",
        "localhost:9464": "localhost:0",
        "localhost:4317": f"localhost:{port}",
        "drain-wait = 5 ": "drain-wait = 0.1 ",
    }
    for before, after in moved.items():
        assert before in text
        text = text.replace(before, after)
    return text


def metrics_address(log: Path) -> str:
    """Where the log says that metrics are."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for line in log.read_text().splitlines():
            if (message := json.loads(line)["message"]).startswith("metrics: "):
                return str(message.removeprefix("metrics: "))
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_what_the_page_says_works(tmp_path: Path, collector: tuple[Collector, int]) -> None:
    for code in blocks("bash"):
        run(["bash", "-e", "-c", code], tmp_path)
    (tmp_path / "adglot.toml").write_text(settings(collector[1]))
    command = [sys.executable, "-m", "adglot", "serve", "--config", "adglot.toml"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().removeprefix(LISTENING).strip()
        (client,) = blocks("python")
        script = tmp_path / "client.py"
        script.write_text(client.replace("localhost:50051", address))
        assert run([sys.executable, "-W", "error", str(script)], tmp_path) == "[2. 4.]\n"
        with urlopen(metrics_address(tmp_path / "log"), timeout=30) as reply:
            text = reply.read().decode()
        named = set(re.findall(r"^\| `(adglot_[a-z_]+)`", PAGE.read_text(), re.MULTILINE))
        there = set(re.findall(r"^# TYPE (adglot_\w+)", text, re.MULTILINE))
        assert named <= there, named - there
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=100) == 0
    finally:
        server.kill()
        server.communicate()
    assert collector[0].came.wait(60)
    assert "adglot.v1.DerivativeService/Gradient" in collector[0].names
