"""A stranger can ask a server what it is: reflection, health, limits."""

from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

import adglot
from adglot_server.service.limits import Limits
from adglot_server.service.server import Server

SERVICE = "adglot.v1.DerivativeService"


@pytest.fixture
def channel(server: Server) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.addresses[0]) as channel:
        yield channel


def test_reflection_shows_every_method_of_the_contract(channel: grpc.Channel) -> None:
    database = ProtoReflectionDescriptorDatabase(channel)
    assert {SERVICE, "grpc.health.v1.Health"} <= set(database.get_services())
    service = DescriptorPool(database).FindServiceByName(SERVICE)
    for method in service.methods:
        call = channel.stream_stream(f"/{SERVICE}/{method.name}")
        with pytest.raises(grpc.RpcError) as caught:
            list(call(iter([b"\xff"])))
        # Served by us: bytes that are no message are refused, not the method.
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT, method.name


def test_health_knows_the_service_and_no_other(channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", SERVICE):
        reply = health.Check(health_pb2.HealthCheckRequest(service=service))
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(health_pb2.HealthCheckRequest(service="other"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_limits_are_known_before_anything_is_sent() -> None:
    limits = Limits(nodes=77, seconds=5)
    with (
        Server(["localhost:0"], limits=limits) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        assert ad.info().limits == limits.as_dict()


def test_ops_say_whether_they_have_derivatives(ad: adglot.Client) -> None:
    listed = {op.name: op.differentiable for op in ad.ops()}
    names = ("sin", "floor", "take", "equal", "argmax", "isfinite", "iota")
    assert [listed[name] for name in names] == [True, True, True, False, False, False, False]
