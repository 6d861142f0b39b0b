"""A client written from the proto files alone: ``python stub_client.py STUBS ADDRESS``.

Runs in a process of its own, with stubs generated afresh, and must never see our package.
"""

import struct
import sys
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

STUBS, ADDRESS = sys.argv[1:]
sys.path.insert(0, STUBS)

from adglot.v1 import derivative_service_pb2 as service_pb  # noqa: E402
from adglot.v1 import derivative_service_pb2_grpc as service_grpc  # noqa: E402
from adglot.v1 import graph_pb2, operators_pb2, tensor_pb2  # noqa: E402

ROWS, COLUMNS = 2, 3
X = [0.5, -1.0, 2.0, 3.0, 0.25, -4.0]


def tensor(values: list[float], *shape: int) -> tensor_pb2.Tensor:
    data = struct.pack(f"<{len(values)}d", *values)
    return tensor_pb2.Tensor(dtype=tensor_pb2.DATA_TYPE_FLOAT64, shape=shape, data=data)


def numbers(tensor: tensor_pb2.Tensor) -> list[float]:
    return list(struct.unpack(f"<{len(tensor.data) // 8}d", tensor.data))


def squares_of_the_transpose() -> graph_pb2.Graph:
    """f(X) = (X * X).T: a matrix to a matrix, where a wrong order of axes shows."""
    axes = graph_pb2.Attribute(integers=graph_pb2.IntegerList(values=[1, 0]))
    matrix = tensor_pb2.TensorType(dtype=tensor_pb2.DATA_TYPE_FLOAT64, shape=[ROWS, COLUMNS])
    return graph_pb2.Graph(
        inputs=[matrix],
        nodes=[
            graph_pb2.Node(op="multiply", operands=[0, 0]),
            graph_pb2.Node(op="permute_dims", operands=[1], attributes={"axes": axes}),
        ],
        outputs=[2],
        input_names=["X"],
        opset=1,
    )


def sum_of_squares() -> graph_pb2.Graph:
    graph = squares_of_the_transpose()
    axes = graph_pb2.Attribute(integers=graph_pb2.IntegerList(values=[0, 1]))
    graph.nodes[1].CopyFrom(graph_pb2.Node(op="sum", operands=[1], attributes={"axes": axes}))
    return graph


def expected_jacobian() -> list[float]:
    """d y[i,j] / d X[k,l] = 2 X[j,i] where k = j and l = i."""
    return [
        2 * X[j * COLUMNS + i] if (k, m) == (j, i) else 0.0
        for i in range(COLUMNS)
        for j in range(ROWS)
        for k in range(ROWS)
        for m in range(COLUMNS)
    ]


def check_listings(stub: service_grpc.DerivativeServiceStub) -> None:
    info = stub.GetServerInfo(service_pb.GetServerInfoRequest())
    assert info.opset >= 1
    assert info.limits["nodes"] > 0
    assert "raw" in info.encodings
    ops = stub.ListOps(service_pb.ListOpsRequest()).ops
    (permute,) = (op for op in ops if op.name == "permute_dims")
    assert [(a.name, a.kind, a.required) for a in permute.attributes] == [("axes", "ints", True)]
    engines = stub.ListEngines(service_pb.ListEnginesRequest()).engines
    (native,) = (engine for engine in engines if engine.name == "native")
    assert native.available
    assert operators_pb2.OPERATOR_JACOBIAN in native.operators


def check_matrix(stub: service_grpc.DerivativeServiceStub) -> None:
    graph = squares_of_the_transpose()
    registered = stub.RegisterGraph(service_pb.RegisterGraphRequest(graph=graph))
    assert list(registered.outputs[0].shape) == [COLUMNS, ROWS]
    x = tensor(X, ROWS, COLUMNS)
    y = [X[j * COLUMNS + i] ** 2 for i in range(COLUMNS) for j in range(ROWS)]
    for mode in (operators_pb2.MODE_FORWARD, operators_pb2.MODE_REVERSE):
        answer = stub.Jacobian(
            operators_pb2.JacobianRequest(
                digest=registered.digest, inputs=[x], mode=mode, include_values=True
            )
        )
        assert list(answer.derivatives[0].shape) == [COLUMNS, ROWS, ROWS, COLUMNS]
        assert numbers(answer.derivatives[0]) == expected_jacobian()
        assert numbers(answer.values[0]) == y
        assert answer.report.mode == mode
        assert answer.report.passes == ROWS * COLUMNS
    answer = stub.Evaluate(operators_pb2.EvaluateRequest(graph=graph, inputs=[x]))
    assert numbers(answer.values[0]) == y
    assert answer.report.digest == registered.digest


def check_products(stub: service_grpc.DerivativeServiceStub) -> None:
    x, ones = tensor(X, ROWS, COLUMNS), tensor([1.0] * 6, ROWS, COLUMNS)
    name_x = [operators_pb2.Port(name="X")]
    jvp = stub.Jvp(
        operators_pb2.JvpRequest(
            graph=squares_of_the_transpose(), inputs=[x], tangents=[ones], wrt=name_x
        )
    )
    assert not jvp.values
    assert numbers(jvp.derivatives[0]) == [2 * X[j * 3 + i] for i in range(3) for j in range(2)]
    seeds = tensor([1.0] * 6 + [2.0] * 6, 2, COLUMNS, ROWS)
    vjp = stub.Vjp(
        operators_pb2.VjpRequest(
            graph=squares_of_the_transpose(), inputs=[x], cotangents=[seeds], seed_axis=True
        )
    )
    assert list(vjp.derivatives[0].shape) == [2, ROWS, COLUMNS]
    assert numbers(vjp.derivatives[0]) == [2 * v for v in X] + [4 * v for v in X]


def check_scalar(stub: service_grpc.DerivativeServiceStub) -> None:
    graph, x = sum_of_squares(), tensor(X, ROWS, COLUMNS)
    gradient = stub.Gradient(
        operators_pb2.GradientRequest(graph=graph, inputs=[x], include_values=True)
    )
    assert numbers(gradient.values[0]) == [sum(v * v for v in X)]
    assert numbers(gradient.derivatives[0]) == [2 * v for v in X]
    points = tensor(X + [1.0] * 6, 2, ROWS, COLUMNS)
    batch = stub.Gradient(operators_pb2.GradientRequest(graph=graph, inputs=[points], batch=True))
    assert numbers(batch.derivatives[0]) == [2 * v for v in X] + [2.0] * 6
    hessian = stub.Hessian(operators_pb2.HessianRequest(graph=graph, inputs=[x]))
    assert list(hessian.derivatives[0].shape) == [ROWS, COLUMNS, ROWS, COLUMNS]
    assert numbers(hessian.derivatives[0]) == [2.0 * (i == j) for i in range(6) for j in range(6)]
    hvp = stub.Hvp(operators_pb2.HvpRequest(graph=graph, inputs=[x], tangents=[x]))
    assert numbers(hvp.derivatives[0]) == [2 * v for v in X]
    explained = stub.Explain(
        operators_pb2.ExplainRequest(graph=graph, operator=operators_pb2.OPERATOR_GRADIENT)
    )
    assert "multiply" in explained.text
    assert explained.report.program_ops > 0


def check_stream(stub: service_grpc.DerivativeServiceStub) -> None:
    setup = operators_pb2.StreamSetup(
        graph=sum_of_squares(), operator=operators_pb2.OPERATOR_GRADIENT
    )
    requests = [operators_pb2.StreamRequest(setup=setup)]
    for k in range(20):
        x = tensor([float(k)] * 6, ROWS, COLUMNS)
        requests.append(operators_pb2.StreamRequest(inputs=[x]))
    for k, answer in enumerate(stub.Stream(iter(requests))):
        assert numbers(answer.derivatives[0]) == [2.0 * k] * 6
    assert k == 19


def check_errors(stub: service_grpc.DerivativeServiceStub) -> None:
    graph = squares_of_the_transpose()
    graph.nodes[0].op = "multipy"
    error = refused(stub.RegisterGraph, service_pb.RegisterGraphRequest(graph=graph))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    bad_request = error_details_pb2.BadRequest()
    detail, request = rpc_status.from_call(error).details
    assert detail.Unpack(bad_request)
    assert request.Is(error_details_pb2.RequestInfo.DESCRIPTOR)
    (violation,) = bad_request.field_violations
    assert violation.field == "graph.nodes[0].op"
    assert "did you mean 'multiply'?" in violation.description
    error = refused(stub.Evaluate, operators_pb2.EvaluateRequest(digest="0" * 64))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    info = error_details_pb2.ErrorInfo()
    detail, _ = rpc_status.from_call(error).details
    assert detail.Unpack(info)
    assert (info.reason, info.domain) == ("UNKNOWN_GRAPH", "adglot.v1")


def refused(method, request) -> grpc.RpcError:
    try:
        method(request)
    except grpc.RpcError as error:
        return error
    raise AssertionError("the server took a bad request")


with grpc.insecure_channel(ADDRESS) as channel:
    stub = service_grpc.DerivativeServiceStub(channel)
    check_listings(stub)
    check_matrix(stub)
    check_products(stub)
    check_scalar(stub)
    check_stream(stub)
    check_errors(stub)
    check_matrix(stub)  # After errors the connection is as good as before.

ours = [name for name, module in sys.modules.items() if name.split(".")[0] == "adglot"]
foreign = [n for n in ours if Path(STUBS) not in Path(sys.modules[n].__file__).parents]
assert not foreign, foreign
assert "numpy" not in sys.modules
print("all right")
