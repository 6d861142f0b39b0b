"""The command `adglot health`: whether a server takes requests, for who starts and restarts it."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.argument("address")
@click.option("--service", default="", metavar="NAME", help="One service of it; default: all.")
@click.option("--timeout", type=float, default=5.0, show_default=True, metavar="SECONDS",
              help="When to give up.")  # fmt: skip
def health(address: str, service: str, timeout: float) -> None:
    """Ask the server at ADDRESS, by gRPC's health protocol, whether it takes requests.

    Exit code 0 where it does. It is asked without TLS: a server with TLS has a Unix socket for it.
    """
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    from adglot.transports.channels import open_channel
    from adglot.transports.status import from_rpc_error

    request = health_pb2.HealthCheckRequest(service=service)
    with open_channel(grpc, address) as channel:
        try:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            reply = stub.Check(request, timeout=timeout)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)
    click.echo(f"{address} {status}")
    if reply.status != health_pb2.HealthCheckResponse.SERVING:
        raise click.exceptions.Exit(1)
