"""Tokens over a connection; what one needs."""

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import adglot
from adglot import InvalidArgument, Unauthenticated
from adglot_server.service.server import Server
from adglot_server.service.tokens import OneToken
from service.examples import energy

X = np.ones(3)


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


@pytest.mark.parametrize("option", [{"token": "x"}, {"tls": True}, {"options": [("grpc.x", 1)]}])
def test_options_of_a_connection_need_a_target(option: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument, match="need a target"):
        adglot.connect(**option)  # type: ignore[arg-type]


@pytest.mark.parametrize("target", ["example.org:1", "10.0.0.1:1", "dns:///adglot.internal:1"])
def test_no_token_goes_to_another_machine_in_clear(target: str) -> None:
    with pytest.raises(InvalidArgument, match="a token is not sent in clear to another machine"):
        adglot.connect(target, token="secret")
    adglot.connect(target, token="secret", tls=True).close()
