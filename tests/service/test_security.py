"""TLS and tokens."""

import shutil
import subprocess
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import adglot
from adglot import InvalidArgument, Unauthenticated, Unavailable
from adglot_server.service.server import Server
from adglot_server.service.tokens import OneToken
from service.examples import energy

X = np.ones(3)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A key and a certificate for localhost that signs itself."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the command openssl, which makes the certificate")
    folder: Path = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return (folder / "key.pem").read_bytes(), (folder / "certificate.pem").read_bytes()


def test_a_call_over_tls_with_a_token(certificate: tuple[bytes, bytes]) -> None:
    credentials = grpc.ssl_server_credentials([certificate])
    trusted = grpc.ssl_channel_credentials(certificate[1])
    with Server(["localhost:0"], credentials=credentials, tokens=OneToken("secret")) as server:
        address = server.addresses[0]
        with adglot.connect(address, credentials=trusted, token="secret") as ad:
            np.testing.assert_allclose(ad.gradient(energy(), X), 3 * X)
        with adglot.connect(address, credentials=trusted) as ad, pytest.raises(Unauthenticated):
            ad.gradient(energy(), X)
        with adglot.connect(address) as ad, pytest.raises(Unavailable):
            ad.gradient(energy(), X, timeout=5.0)


def test_a_wrong_token_is_refused_and_health_needs_none() -> None:
    with Server(["localhost:0"], tokens=OneToken("secret")) as server:
        address = server.addresses[0]
        for token in (None, "", "Secret", "secret2"):
            with adglot.connect(address, token=token) as ad, pytest.raises(Unauthenticated):
                ad.gradient(energy(), X)
        with grpc.insecure_channel(address) as channel:
            reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert reply.status == health_pb2.HealthCheckResponse.SERVING


def test_a_token_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="printable ASCII"):
        adglot.connect("localhost:1", token="gehéim")


@pytest.mark.parametrize("option", [{"token": "x"}, {"options": [("grpc.x", 1)]}])
def test_options_of_a_connection_need_a_target(option: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument, match="need a target"):
        adglot.connect(**option)  # type: ignore[arg-type]
