from adglot.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Graph(_message.Message):
    __slots__ = ("inputs", "nodes", "outputs", "input_names", "output_names", "guards", "name", "opset", "input_tree", "output_tree")
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    INPUT_NAMES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_NAMES_FIELD_NUMBER: _ClassVar[int]
    GUARDS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPSET_FIELD_NUMBER: _ClassVar[int]
    INPUT_TREE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TREE_FIELD_NUMBER: _ClassVar[int]
    inputs: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.TensorType]
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    outputs: _containers.RepeatedScalarFieldContainer[int]
    input_names: _containers.RepeatedScalarFieldContainer[str]
    output_names: _containers.RepeatedScalarFieldContainer[str]
    guards: _containers.RepeatedCompositeFieldContainer[Guard]
    name: str
    opset: int
    input_tree: str
    output_tree: str
    def __init__(self, inputs: _Optional[_Iterable[_Union[_tensor_pb2.TensorType, _Mapping]]] = ..., nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., outputs: _Optional[_Iterable[int]] = ..., input_names: _Optional[_Iterable[str]] = ..., output_names: _Optional[_Iterable[str]] = ..., guards: _Optional[_Iterable[_Union[Guard, _Mapping]]] = ..., name: _Optional[str] = ..., opset: _Optional[int] = ..., input_tree: _Optional[str] = ..., output_tree: _Optional[str] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("op", "operands", "attributes", "outputs", "location")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Attribute
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Attribute, _Mapping]] = ...) -> None: ...
    OP_FIELD_NUMBER: _ClassVar[int]
    OPERANDS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    op: str
    operands: _containers.RepeatedScalarFieldContainer[int]
    attributes: _containers.MessageMap[str, Attribute]
    outputs: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.TensorType]
    location: str
    def __init__(self, op: _Optional[str] = ..., operands: _Optional[_Iterable[int]] = ..., attributes: _Optional[_Mapping[str, Attribute]] = ..., outputs: _Optional[_Iterable[_Union[_tensor_pb2.TensorType, _Mapping]]] = ..., location: _Optional[str] = ...) -> None: ...

class Attribute(_message.Message):
    __slots__ = ("boolean", "integer", "real", "complex", "text", "integers", "tensor", "graph")
    BOOLEAN_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    REAL_FIELD_NUMBER: _ClassVar[int]
    COMPLEX_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    INTEGERS_FIELD_NUMBER: _ClassVar[int]
    TENSOR_FIELD_NUMBER: _ClassVar[int]
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    boolean: bool
    integer: int
    real: float
    complex: Complex
    text: str
    integers: IntegerList
    tensor: _tensor_pb2.Tensor
    graph: Graph
    def __init__(self, boolean: bool = ..., integer: _Optional[int] = ..., real: _Optional[float] = ..., complex: _Optional[_Union[Complex, _Mapping]] = ..., text: _Optional[str] = ..., integers: _Optional[_Union[IntegerList, _Mapping]] = ..., tensor: _Optional[_Union[_tensor_pb2.Tensor, _Mapping]] = ..., graph: _Optional[_Union[Graph, _Mapping]] = ...) -> None: ...

class Complex(_message.Message):
    __slots__ = ("real", "imag")
    REAL_FIELD_NUMBER: _ClassVar[int]
    IMAG_FIELD_NUMBER: _ClassVar[int]
    real: float
    imag: float
    def __init__(self, real: _Optional[float] = ..., imag: _Optional[float] = ...) -> None: ...

class IntegerList(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[int]] = ...) -> None: ...

class Guard(_message.Message):
    __slots__ = ("value", "boolean", "integer", "name")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    BOOLEAN_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    value: int
    boolean: bool
    integer: int
    name: str
    def __init__(self, value: _Optional[int] = ..., boolean: bool = ..., integer: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...
