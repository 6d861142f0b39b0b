"""How calls reach a service: in this process (`embedded`) or over gRPC (`remote`).

`base` says what a transport is, `status` maps exceptions to gRPC statuses and back. Only `remote`,
`remote_aio` and `status` know grpc, and they are imported only when a server is named.
"""
