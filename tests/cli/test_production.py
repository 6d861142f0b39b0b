"""The page about production: its commands, its file of settings and its client, for real."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from urllib.request import urlopen

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from service.test_observing import Collector

import adglot
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


def scraped(place: str) -> str:
    with urlopen(place, timeout=30) as reply:
        text: str = reply.read().decode()
    return text


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


def metrics_addresses(log: Path) -> list[str]:
    """Where the log of a server that answers says that metrics are."""
    told = (json.loads(line)["message"] for line in log.read_text().splitlines())
    return [line.removeprefix("metrics: ") for line in told if line.startswith("metrics: ")]


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
        (metrics,) = metrics_addresses(tmp_path / "log")
        text = scraped(metrics)
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


def test_each_of_several_processes_has_its_metrics(tmp_path: Path) -> None:
    options = ("--address", "127.0.0.1:0", "--metrics", "localhost:0", "--log-format", "json")
    command = [sys.executable, "-m", "adglot", "serve", "--processes", "2", *options]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().removeprefix(LISTENING).strip()
        own = [("grpc.use_local_subchannel_pool", 1)]
        for _ in range(8):
            with adglot.connect(address, options=own) as ad:
                ad.info()
        places = metrics_addresses(tmp_path / "log")
        assert len(set(places)) == 2
        assert sum(map(_infos, places)) == 8
    finally:
        server.terminate()
        server.communicate()


def _infos(place: str) -> float:
    """How often a process was asked what it is."""
    line = re.compile(r"^adglot_requests_total.*GetServerInfo.* (\S+)$", re.MULTILINE)
    return sum(map(float, line.findall(scraped(place))))
