# What a graph is on this side, read from the bytes of adglot.v1.Graph.
#
# Arrays keep the memory of the other side: row-major (the last axis runs fastest) there,
# column-major here. So the dims of an array are its shape reversed: axis k of n, from 0, is
# dimension n - k. Nothing is permuted, and since NumPy lines up shapes at their ends and Julia at
# their beginnings, both broadcast alike.

const DTYPES = (Bool, Int32, Int64, Float32, Float64, ComplexF32, ComplexF64)

struct TensorType
    dtype::DataType
    dims::Dims
end

Base.ndims(t::TensorType) = length(t.dims)
Base.length(t::TensorType) = prod(t.dims; init = 1)
Base.eltype(t::TensorType) = t.dtype

"A value of rank 0 is a number, every other one an array."
const Tensor = Union{Number,Array}

struct Node
    op::String
    operands::Vector{Int}       # indices of earlier values, from 1
    attributes::Dict{String,Any}
    outputs::Vector{TensorType}
end

struct Graph
    inputs::Vector{TensorType}
    nodes::Vector{Node}
    outputs::Vector{Int}        # indices of values, from 1
end

"The type of every value: of the inputs, then of the outputs of every node."
value_types(graph::Graph) = [graph.inputs; (node.outputs for node in graph.nodes)...]

output_types(graph::Graph) = value_types(graph)[graph.outputs]

"This graph, and those in the attributes of its nodes, at any depth."
function with_subgraphs(graph::Graph)
    inner = [value for node in graph.nodes for value in values(node.attributes) if value isa Graph]
    return reduce(vcat, map(with_subgraphs, inner); init = [graph])
end

# ------------------------------------------------------------------ from bytes

read_graph(data::Vector{UInt8}) = read_graph(Reader(data))

function read_graph(r::Reader)
    graph = Graph([], [], [])
    each_field(r) do number, value
        number == 1 && push!(graph.inputs, read_type(value))
        number == 2 && push!(graph.nodes, read_node(value))
        number == 3 && append_integers!(graph.outputs, value)
    end
    graph.outputs .+= 1
    return graph
end

function read_type(r::Reader)
    dtype, shape = 0, Int[]
    each_field(r) do number, value
        number == 1 && (dtype = Int(value))
        number == 2 && append_integers!(shape, value)
    end
    return TensorType(DTYPES[dtype], Tuple(reverse(shape)))
end

function read_node(r::Reader)
    op, operands = "", Int[]
    attributes, outputs = Dict{String,Any}(), TensorType[]
    each_field(r) do number, value
        number == 1 && (op = text(value))
        number == 2 && append_integers!(operands, value)
        number == 3 && push!(attributes, read_entry(value))
        number == 4 && push!(outputs, read_type(value))
    end
    return Node(op, operands .+ 1, attributes, outputs)
end

function read_entry(r::Reader)
    key, attribute = "", nothing
    each_field(r) do number, value
        number == 1 && (key = text(value))
        number == 2 && (attribute = read_attribute(value))
    end
    return key => attribute
end

function read_attribute(r::Reader)
    attribute = nothing
    each_field(r) do number, value
        attribute = ATTRIBUTES[number](value)
    end
    return attribute
end

function read_integers(r::Reader)
    values = Int[]
    each_field((_, value) -> append_integers!(values, value), r)
    return values
end

function read_complex(r::Reader)
    parts = [0.0, 0.0]
    each_field((number, value) -> parts[number] = value, r)
    return complex(parts...)
end

function read_tensor(r::Reader)
    dtype, shape, data = 0, Int[], UInt8[]
    each_field(r) do number, value
        number == 1 && (dtype = Int(value))
        number == 2 && append_integers!(shape, value)
        number == 3 && (data = bytes(value))
    end
    array = collect(reinterpret(DTYPES[dtype], data))
    return isempty(shape) ? only(array) : reshape(array, Tuple(reverse(shape)))
end

const ATTRIBUTES = Dict{Int,Function}(
    1 => !iszero,
    2 => value -> reinterpret(Int64, value),
    3 => identity,
    4 => read_complex,
    5 => text,
    6 => read_integers,
    7 => read_tensor,
    8 => read_graph,
)
