from adglot.v1 import graph_pb2 as _graph_pb2
from adglot.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Operator(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPERATOR_UNSPECIFIED: _ClassVar[Operator]
    OPERATOR_EVALUATE: _ClassVar[Operator]
    OPERATOR_JVP: _ClassVar[Operator]
    OPERATOR_VJP: _ClassVar[Operator]
    OPERATOR_GRADIENT: _ClassVar[Operator]
    OPERATOR_JACOBIAN: _ClassVar[Operator]
    OPERATOR_HESSIAN: _ClassVar[Operator]
    OPERATOR_HVP: _ClassVar[Operator]

class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODE_UNSPECIFIED: _ClassVar[Mode]
    MODE_FORWARD: _ClassVar[Mode]
    MODE_REVERSE: _ClassVar[Mode]
    MODE_FORWARD_OVER_REVERSE: _ClassVar[Mode]
    MODE_MIXED: _ClassVar[Mode]
OPERATOR_UNSPECIFIED: Operator
OPERATOR_EVALUATE: Operator
OPERATOR_JVP: Operator
OPERATOR_VJP: Operator
OPERATOR_GRADIENT: Operator
OPERATOR_JACOBIAN: Operator
OPERATOR_HESSIAN: Operator
OPERATOR_HVP: Operator
MODE_UNSPECIFIED: Mode
MODE_FORWARD: Mode
MODE_REVERSE: Mode
MODE_FORWARD_OVER_REVERSE: Mode
MODE_MIXED: Mode

class Port(_message.Message):
    __slots__ = ("index", "name")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    index: int
    name: str
    def __init__(self, index: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("engine", "executor", "mode", "passes", "function_ops", "program_ops", "prepare_seconds", "run_seconds", "digest", "wrt", "of", "colours")
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    PASSES_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_OPS_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_OPS_FIELD_NUMBER: _ClassVar[int]
    PREPARE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RUN_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    WRT_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    COLOURS_FIELD_NUMBER: _ClassVar[int]
    engine: str
    executor: str
    mode: Mode
    passes: int
    function_ops: int
    program_ops: int
    prepare_seconds: float
    run_seconds: float
    digest: str
    wrt: _containers.RepeatedScalarFieldContainer[int]
    of: _containers.RepeatedScalarFieldContainer[int]
    colours: int
    def __init__(self, engine: _Optional[str] = ..., executor: _Optional[str] = ..., mode: _Optional[_Union[Mode, str]] = ..., passes: _Optional[int] = ..., function_ops: _Optional[int] = ..., program_ops: _Optional[int] = ..., prepare_seconds: _Optional[float] = ..., run_seconds: _Optional[float] = ..., digest: _Optional[str] = ..., wrt: _Optional[_Iterable[int]] = ..., of: _Optional[_Iterable[int]] = ..., colours: _Optional[int] = ...) -> None: ...

class EvaluateRequest(_message.Message):
    __slots__ = ("graph", "digest", "engine", "inputs", "batch")
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    graph: _graph_pb2.Graph
    digest: str
    engine: str
    inputs: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    batch: bool
    def __init__(self, graph: _Optional[_Union[_graph_pb2.Graph, _Mapping]] = ..., digest: _Optional[str] = ..., engine: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., batch: bool = ...) -> None: ...

class EvaluateResponse(_message.Message):
    __slots__ = ("values", "report")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    report: Report
    def __init__(self, values: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., report: _Optional[_Union[Report, _Mapping]] = ...) -> None: ...

class JvpRequest(_message.Message):
    __slots__ = ("graph", "digest", "engine", "inputs", "tangents", "seed_axis", "wrt", "of", "batch", "include_values")
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    TANGENTS_FIELD_NUMBER: _ClassVar[int]
    SEED_AXIS_FIELD_NUMBER: _ClassVar[int]
    WRT_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_VALUES_FIELD_NUMBER: _ClassVar[int]
    graph: _graph_pb2.Graph
    digest: str
    engine: str
    inputs: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    tangents: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    seed_axis: bool
    wrt: _containers.RepeatedCompositeFieldContainer[Port]
    of: _containers.RepeatedCompositeFieldContainer[Port]
    batch: bool
    include_values: bool
    def __init__(self, graph: _Optional[_Union[_graph_pb2.Graph, _Mapping]] = ..., digest: _Optional[str] = ..., engine: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., tangents: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., seed_axis: bool = ..., wrt: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., of: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., batch: bool = ..., include_values: bool = ...) -> None: ...

class JvpResponse(_message.Message):
    __slots__ = ("values", "derivatives", "report", "error_estimates")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    DERIVATIVES_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    ERROR_ESTIMATES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    derivatives: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    report: Report
    error_estimates: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    def __init__(self, values: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., derivatives: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., report: _Optional[_Union[Report, _Mapping]] = ..., error_estimates: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ...) -> None: ...

class VjpRequest(_message.Message):
    __slots__ = ("graph", "digest", "engine", "inputs", "cotangents", "seed_axis", "wrt", "of", "batch", "include_values")
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    COTANGENTS_FIELD_NUMBER: _ClassVar[int]
    SEED_AXIS_FIELD_NUMBER: _ClassVar[int]
    WRT_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_VALUES_FIELD_NUMBER: _ClassVar[int]
    graph: _graph_pb2.Graph
    digest: str
    engine: str
    inputs: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    cotangents: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    seed_axis: bool
    wrt: _containers.RepeatedCompositeFieldContainer[Port]
    of: _containers.RepeatedCompositeFieldContainer[Port]
    batch: bool
    include_values: bool
    def __init__(self, graph: _Optional[_Union[_graph_pb2.Graph, _Mapping]] = ..., digest: _Optional[str] = ..., engine: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., cotangents: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., seed_axis: bool = ..., wrt: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., of: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., batch: bool = ..., include_values: bool = ...) -> None: ...

class VjpResponse(_message.Message):
    __slots__ = ("values", "derivatives", "report", "error_estimates")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    DERIVATIVES_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    ERROR_ESTIMATES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    derivatives: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    report: Report
    error_estimates: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    def __init__(self, values: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., derivatives: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., report: _Optional[_Union[Report, _Mapping]] = ..., error_estimates: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ...) -> None: ...

class GradientRequest(_message.Message):
    __slots__ = ("graph", "digest", "engine", "inputs", "wrt", "of", "batch", "include_values")
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    WRT_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_VALUES_FIELD_NUMBER: _ClassVar[int]
    graph: _graph_pb2.Graph
    digest: str
    engine: str
    inputs: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    wrt: _containers.RepeatedCompositeFieldContainer[Port]
    of: _containers.RepeatedCompositeFieldContainer[Port]
    batch: bool
    include_values: bool
    def __init__(self, graph: _Optional[_Union[_graph_pb2.Graph, _Mapping]] = ..., digest: _Optional[str] = ..., engine: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., wrt: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., of: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., batch: bool = ..., include_values: bool = ...) -> None: ...

class GradientResponse(_message.Message):
    __slots__ = ("values", "derivatives", "report", "error_estimates")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    DERIVATIVES_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    ERROR_ESTIMATES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    derivatives: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    report: Report
    error_estimates: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    def __init__(self, values: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., derivatives: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., report: _Optional[_Union[Report, _Mapping]] = ..., error_estimates: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ...) -> None: ...

class JacobianRequest(_message.Message):
    __slots__ = ("graph", "digest", "engine", "inputs", "wrt", "of", "batch", "include_values", "mode", "sparse")
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    WRT_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_VALUES_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    SPARSE_FIELD_NUMBER: _ClassVar[int]
    graph: _graph_pb2.Graph
    digest: str
    engine: str
    inputs: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    wrt: _containers.RepeatedCompositeFieldContainer[Port]
    of: _containers.RepeatedCompositeFieldContainer[Port]
    batch: bool
    include_values: bool
    mode: Mode
    sparse: bool
    def __init__(self, graph: _Optional[_Union[_graph_pb2.Graph, _Mapping]] = ..., digest: _Optional[str] = ..., engine: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., wrt: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., of: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., batch: bool = ..., include_values: bool = ..., mode: _Optional[_Union[Mode, str]] = ..., sparse: bool = ...) -> None: ...

class JacobianResponse(_message.Message):
    __slots__ = ("values", "derivatives", "report", "error_estimates", "indptr", "indices", "columns")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    DERIVATIVES_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    ERROR_ESTIMATES_FIELD_NUMBER: _ClassVar[int]
    INDPTR_FIELD_NUMBER: _ClassVar[int]
    INDICES_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    derivatives: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    report: Report
    error_estimates: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    indptr: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    indices: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    columns: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., derivatives: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., report: _Optional[_Union[Report, _Mapping]] = ..., error_estimates: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., indptr: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., indices: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., columns: _Optional[_Iterable[int]] = ...) -> None: ...

class HessianRequest(_message.Message):
    __slots__ = ("graph", "digest", "engine", "inputs", "wrt", "of", "batch", "include_values", "sparse")
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    WRT_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_VALUES_FIELD_NUMBER: _ClassVar[int]
    SPARSE_FIELD_NUMBER: _ClassVar[int]
    graph: _graph_pb2.Graph
    digest: str
    engine: str
    inputs: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    wrt: _containers.RepeatedCompositeFieldContainer[Port]
    of: _containers.RepeatedCompositeFieldContainer[Port]
    batch: bool
    include_values: bool
    sparse: bool
    def __init__(self, graph: _Optional[_Union[_graph_pb2.Graph, _Mapping]] = ..., digest: _Optional[str] = ..., engine: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., wrt: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., of: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., batch: bool = ..., include_values: bool = ..., sparse: bool = ...) -> None: ...

class HessianResponse(_message.Message):
    __slots__ = ("values", "derivatives", "report", "error_estimates", "indptr", "indices", "columns")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    DERIVATIVES_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    ERROR_ESTIMATES_FIELD_NUMBER: _ClassVar[int]
    INDPTR_FIELD_NUMBER: _ClassVar[int]
    INDICES_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    derivatives: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    report: Report
    error_estimates: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    indptr: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    indices: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    columns: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., derivatives: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., report: _Optional[_Union[Report, _Mapping]] = ..., error_estimates: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., indptr: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., indices: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., columns: _Optional[_Iterable[int]] = ...) -> None: ...

class HvpRequest(_message.Message):
    __slots__ = ("graph", "digest", "engine", "inputs", "tangents", "seed_axis", "wrt", "of", "batch", "include_values")
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    TANGENTS_FIELD_NUMBER: _ClassVar[int]
    SEED_AXIS_FIELD_NUMBER: _ClassVar[int]
    WRT_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_VALUES_FIELD_NUMBER: _ClassVar[int]
    graph: _graph_pb2.Graph
    digest: str
    engine: str
    inputs: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    tangents: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    seed_axis: bool
    wrt: _containers.RepeatedCompositeFieldContainer[Port]
    of: _containers.RepeatedCompositeFieldContainer[Port]
    batch: bool
    include_values: bool
    def __init__(self, graph: _Optional[_Union[_graph_pb2.Graph, _Mapping]] = ..., digest: _Optional[str] = ..., engine: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., tangents: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., seed_axis: bool = ..., wrt: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., of: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., batch: bool = ..., include_values: bool = ...) -> None: ...

class HvpResponse(_message.Message):
    __slots__ = ("values", "derivatives", "report", "error_estimates")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    DERIVATIVES_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    ERROR_ESTIMATES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    derivatives: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    report: Report
    error_estimates: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    def __init__(self, values: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., derivatives: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., report: _Optional[_Union[Report, _Mapping]] = ..., error_estimates: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ...) -> None: ...

class StreamRequest(_message.Message):
    __slots__ = ("setup", "inputs", "seeds")
    SETUP_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    setup: StreamSetup
    inputs: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    seeds: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    def __init__(self, setup: _Optional[_Union[StreamSetup, _Mapping]] = ..., inputs: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., seeds: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ...) -> None: ...

class StreamSetup(_message.Message):
    __slots__ = ("graph", "digest", "engine", "operator", "seed_axis", "wrt", "of", "batch", "include_values", "mode", "sparse")
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    SEED_AXIS_FIELD_NUMBER: _ClassVar[int]
    WRT_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_VALUES_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    SPARSE_FIELD_NUMBER: _ClassVar[int]
    graph: _graph_pb2.Graph
    digest: str
    engine: str
    operator: Operator
    seed_axis: bool
    wrt: _containers.RepeatedCompositeFieldContainer[Port]
    of: _containers.RepeatedCompositeFieldContainer[Port]
    batch: bool
    include_values: bool
    mode: Mode
    sparse: bool
    def __init__(self, graph: _Optional[_Union[_graph_pb2.Graph, _Mapping]] = ..., digest: _Optional[str] = ..., engine: _Optional[str] = ..., operator: _Optional[_Union[Operator, str]] = ..., seed_axis: bool = ..., wrt: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., of: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., batch: bool = ..., include_values: bool = ..., mode: _Optional[_Union[Mode, str]] = ..., sparse: bool = ...) -> None: ...

class StreamResponse(_message.Message):
    __slots__ = ("values", "derivatives", "report", "error_estimates", "indptr", "indices", "columns")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    DERIVATIVES_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    ERROR_ESTIMATES_FIELD_NUMBER: _ClassVar[int]
    INDPTR_FIELD_NUMBER: _ClassVar[int]
    INDICES_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    derivatives: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    report: Report
    error_estimates: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    indptr: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    indices: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    columns: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., derivatives: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., report: _Optional[_Union[Report, _Mapping]] = ..., error_estimates: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., indptr: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., indices: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., columns: _Optional[_Iterable[int]] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("graph", "digest", "engine", "operator", "wrt", "of", "include_values", "mode", "sparse", "omit_text")
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    WRT_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_VALUES_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    SPARSE_FIELD_NUMBER: _ClassVar[int]
    OMIT_TEXT_FIELD_NUMBER: _ClassVar[int]
    graph: _graph_pb2.Graph
    digest: str
    engine: str
    operator: Operator
    wrt: _containers.RepeatedCompositeFieldContainer[Port]
    of: _containers.RepeatedCompositeFieldContainer[Port]
    include_values: bool
    mode: Mode
    sparse: bool
    omit_text: bool
    def __init__(self, graph: _Optional[_Union[_graph_pb2.Graph, _Mapping]] = ..., digest: _Optional[str] = ..., engine: _Optional[str] = ..., operator: _Optional[_Union[Operator, str]] = ..., wrt: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., of: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., include_values: bool = ..., mode: _Optional[_Union[Mode, str]] = ..., sparse: bool = ..., omit_text: bool = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("text", "latex", "report", "indptr", "indices", "columns")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LATEX_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    INDPTR_FIELD_NUMBER: _ClassVar[int]
    INDICES_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    text: str
    latex: str
    report: Report
    indptr: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    indices: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.Tensor]
    columns: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, text: _Optional[str] = ..., latex: _Optional[str] = ..., report: _Optional[_Union[Report, _Mapping]] = ..., indptr: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., indices: _Optional[_Iterable[_Union[_tensor_pb2.Tensor, _Mapping]]] = ..., columns: _Optional[_Iterable[int]] = ...) -> None: ...
