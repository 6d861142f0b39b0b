"""`adglot serve` as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import click
import grpc
import numpy as np
import pytest
from click.testing import CliRunner
from grpc_health.v1 import health_pb2, health_pb2_grpc
from service.certificates import Authority

import adglot
from adglot.cli.group import adglot as adglot_command
from adglot.cli.loopback import LISTENING
from adglot_server import cli
from adglot_server.options import LIMITS
from adglot_server.service.limits import Limits

X = np.array([1.0, 2.0])


@contextmanager
def serving(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and the first address it listens on."""
    command = [sys.executable, "-m", "adglot", "serve", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **environment},
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(LISTENING), process.communicate(timeout=10)
            yield process, line.removeprefix(LISTENING).strip()
        finally:
            process.kill()


def _gradient(target: str, **options: str) -> list[float]:
    with adglot.connect(target, **options) as ad:
        gradient: np.ndarray = ad.gradient(lambda x: np.sum(x**3), X)
    return gradient.tolist()


def test_a_free_port() -> None:
    with serving("--address", "127.0.0.1:0") as (_, address):
        assert int(address.rpartition(":")[2]) > 0
        assert _gradient(address) == [3.0, 12.0]


def test_a_unix_socket_and_a_port_at_once(tmp_path: Path) -> None:
    socket = f"unix:{tmp_path / 'adglot.sock'}"
    with serving("--address", socket, "--address", "127.0.0.1:0") as (process, first):
        assert process.stdout is not None
        second = process.stdout.readline().removeprefix(LISTENING).strip()
        assert first == socket
        assert _gradient(first) == _gradient(second) == [3.0, 12.0]


def test_the_environment_sets_options() -> None:
    with (
        serving(ADGLOT_SERVE_ADDRESS="127.0.0.1:0", ADGLOT_SERVE_MAX_NODES="17") as (_, address),
        adglot.connect(address) as ad,
    ):
        assert ad.info().limits["nodes"] == 17


def test_a_flag_goes_before_the_environment() -> None:
    options = ("--address", "127.0.0.1:0", "--max-nodes", "1")
    with (
        serving(*options, ADGLOT_SERVE_MAX_NODES="17") as (_, address),
        pytest.raises(adglot.LimitExceeded, match="nodes=1: this request needs"),
    ):
        _gradient(address)


def test_every_limit_has_an_option_and_its_default() -> None:
    options = {p.name: p for p in cli.serve.params}
    assert LIMITS.keys() == {field.name for field in fields(Limits)}
    for name, value in Limits().as_dict().items():
        assert options[f"max_{name}"].default == value


@pytest.mark.parametrize("option", cli.serve.params, ids=lambda option: option.name)
def test_the_environment_names_every_option_as_its_flag(option: click.Parameter) -> None:
    (flag,) = option.opts
    assert option.name == flag.removeprefix("--").replace("-", "_")


def test_a_token_is_demanded() -> None:
    with serving("--address", "127.0.0.1:0", ADGLOT_SERVE_TOKEN="secret") as (_, address):
        assert _gradient(address, token="secret") == [3.0, 12.0]
        with pytest.raises(adglot.Unauthenticated):
            _gradient(address)


def test_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files, mine = authority.issue("server"), authority.issue("me", "me")
    options = ("--certificate", str(files.certificate), "--key", str(files.key))
    mutual = ("--client-root", str(authority.root))
    with serving("--address", "localhost:0", *options, *mutual) as (_, address):
        ask = ["evaluate", "numpy:sum", "--at", "[1, 2]", "--server", address]
        ask += ["--client-certificate", str(mine.certificate), "--client-key", str(mine.key)]
        trusting = CliRunner().invoke(
            adglot_command, [*ask, "--root-certificate", str(authority.root)]
        )
        assert trusting.stdout == "value = 3.\n", trusting.output
        other = CliRunner().invoke(adglot_command, ask)
        assert other.exit_code == 1
        assert "TLSError: the server's certificate is not trusted here" in other.stderr


def test_health_answers() -> None:
    with serving("--address", "127.0.0.1:0") as (_, address):
        with grpc.insecure_channel(address) as channel:
            reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert reply.status == health_pb2.HealthCheckResponse.SERVING


def _many_products(x: np.ndarray) -> np.ndarray:
    for _ in range(300):
        x = x @ x
        x = x / np.sqrt(np.sum(x * x))
    return np.sum(x)


def test_what_runs_is_finished_before_the_end() -> None:
    x = np.random.default_rng(0).standard_normal((400, 400))
    with (
        serving("--address", "127.0.0.1:0") as (process, address),
        adglot.connect(address) as ad,
        ThreadPoolExecutor(1) as pool,
    ):
        evaluate = ad.prepare(_many_products, x, operator="evaluate")
        running = pool.submit(evaluate, x)
        time.sleep(0.5)  # By now it has been received; what it asks for takes longer.
        assert not running.done()
        process.send_signal(signal.SIGTERM)
        np.testing.assert_allclose(running.result(timeout=60), _many_products(x), rtol=1e-6)
        assert process.wait(timeout=10) == 0
        with pytest.raises(adglot.Unavailable):
            evaluate(x)


def test_ctrl_c_is_a_good_end() -> None:
    with serving("--address", "127.0.0.1:0") as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--address", "no-such-host.invalid:1", "--insecure"),
            "InvalidArgument: cannot listen on",
        ),
        (("--workers", "0"), "0 is not in the range x>=1"),
        (("--max-nodes", "many"), "'many' is not a valid integer range"),
        (("--certificate", "x.pem"), "TLS takes a certificate and its key, both or none"),
        (("--certificate", "no.pem", "--key", "no.pem"), "cannot read no.pem"),
        (("--tokens", "no.toml"), "cannot read the tokens of no.toml"),
        (("--address", "0.0.0.0:0"), "other machines reach '0.0.0.0:0', so it takes TLS"),
        (("--address", "0.0.0.0:0", "--processes", "2"), "other machines reach '0.0.0.0:0'"),
    ],
)
def test_what_cannot_be_served_ends_with_a_message(options: tuple[str, ...], message: str) -> None:
    command = [sys.executable, "-m", "adglot", "serve", *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode != 0
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_that_is_taken() -> None:
    with serving("--address", "127.0.0.1:0") as (_, address):
        command = [sys.executable, "-m", "adglot", "serve", "--address", address]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert f"cannot listen on '{address}'" in result.stderr


@pytest.mark.parametrize("option", ["--max-message-bytes=2147483648", f"--max-nodes={2**63}"])
def test_a_limit_that_no_message_can_reach_is_refused(option: str) -> None:
    result = CliRunner().invoke(adglot_command, ["serve", option])
    assert result.exit_code == 2
    assert "is not in the range 1<=x<=" in result.output
