# From a graph to the expression of one Julia function: one statement a node.
#
# Statements call functions of this package with the operands and with what is known when the
# function is built; no text of a graph becomes code. Arrays that stand in the graph are passed as
# an argument (`constants`), since compiled code is never freed.

"What lowering a graph has gathered: the arrays of its constants, the functions of its sub-graphs."
struct Environment
    constants::Vector{Any}
    functions::Vector{Expr}
end

Environment() = Environment([], [])

"A node where it stands: its operands' types, and which of them are known numbers."
struct Site
    node::Node
    inputs::Vector{TensorType}
    known::Vector{Any}          # the number, or nothing
    environment::Environment
end

attribute(site::Site, name::String) = site.node.attributes[name]
result(site::Site) = site.node.outputs[1]

"""
One line of the op table.

- `dtypes(site)`: the dtype that each operand is cast to first, `nothing` for none
- `build(site, operands...)`: the expression of the node's value, a tuple's for several outputs
"""
struct Lowering
    dtypes::Function
    build::Function
end

"A call of a function value; tuples and numbers stand for themselves."
call(f, arguments...) = Expr(:call, f, arguments...)

"An array that does not change with the point, as an argument of the function."
function constant!(environment::Environment, array::AbstractArray)
    push!(environment.constants, array)
    return :(constants[$(length(environment.constants))])
end

constant!(::Environment, number::Number) = number

# ------------------------------------------------------------------ dtypes

own(site) = map(_ -> nothing, site.inputs)
as_result(site) = map(_ -> result(site).dtype, site.inputs)
as_bool(site) = map(_ -> Bool, site.inputs)
as_common(site) = map(_ -> common_dtype(site.inputs), site.inputs)
as_float(site) = map(_ -> inexact(common_dtype(site.inputs)), site.inputs)
as_choice(site) = [nothing, result(site).dtype, result(site).dtype]

"NumPy 2's common dtype."
common_dtype(types::Vector{TensorType}) = common_dtype(map(eltype, types))

function common_dtype(dtypes::Vector{DataType})
    all(==(first(dtypes)), dtypes) && return first(dtypes)
    all(d -> d <: Integer, dtypes) && return promote_type(dtypes...)
    wide = any(in((Int32, Int64, Float64, ComplexF64)), dtypes)
    float = wide ? Float64 : Float32
    return any(d -> d <: Complex, dtypes) ? Complex{float} : float
end

inexact(T) = T <: Integer ? Float64 : T

# ------------------------------------------------------------------ a graph

value_name(index::Int) = Symbol(:v, index)

"""
    lower(graph, environment) -> (names of the inputs, statements, names of the outputs)

Raises `LackingOp` for an op that the table does not have.
"""
function lower(graph::Graph, environment::Environment)
    types = copy(graph.inputs)
    known = Any[nothing for _ in types]
    statements = Expr[]
    for node in graph.nodes
        site = Site(node, types[node.operands], known[node.operands], environment)
        first = length(types) + 1
        append!(types, node.outputs)
        targets = map(value_name, first:length(types))
        push!(statements, statement(site, targets))
        append!(known, map(_ -> known_number(node), targets))
    end
    inputs = map(value_name, eachindex(graph.inputs))
    return inputs, statements, map(value_name, graph.outputs)
end

function statement(site::Site, targets)
    haskey(OPS, site.node.op) || throw(LackingOp(site.node.op))
    lowering = OPS[site.node.op]
    operands = map(cast_operand, site.node.operands, site.inputs, lowering.dtypes(site))
    value = lowering.build(site, operands...)
    length(targets) == 1 && return :($(only(targets)) = $value)
    return Expr(:(=), Expr(:tuple, targets...), value)
end

cast_operand(index, type, ::Nothing) = value_name(index)

cast_operand(index, type, dtype::Type) =
    type.dtype == dtype ? value_name(index) : call(each, Cast{dtype}(), value_name(index))

function known_number(node::Node)
    node.op == "constant" || return nothing
    value = node.attributes["value"]
    return value isa Number ? value : nothing
end

struct LackingOp <: Exception
    op::String
end
Base.showerror(io::IO, e::LackingOp) = print(io, "no Julia counterpart of ", e.op)

# ------------------------------------------------------------------ sub-graphs

"The name of a function of (constants, inputs...) that gives the tuple of a graph's outputs."
function function_of!(environment::Environment, graph::Graph)
    inputs, statements, outputs = lower(graph, environment)
    name = gensym(:graph)
    body = Expr(:block, statements..., Expr(:tuple, outputs...))
    push!(environment.functions, :(function $name(constants, $(inputs...)); $body; end))
    return name
end

"The expression of a sub-graph's outputs, as a tuple or as the only one."
function inlined(site::Site, attribute_name::String, operands...)
    name = function_of!(site.environment, attribute(site, attribute_name))
    outputs = :($name(constants, $(operands...)))
    return length(site.node.outputs) == 1 ? :($outputs[1]) : outputs
end

branched(site, condition, operands...) = Expr(
    :if, condition, inlined(site, "if_true", operands...), inlined(site, "if_false", operands...)
)

row(x::AbstractVector, i) = x[i]
row(x::AbstractArray, i) = x[ntuple(_ -> Colon(), ndims(x) - 1)..., i]

"Loop over the last dimension: carries are rebound, what is stacked grows at its end."
function scanned(site::Site, operands...)
    consts, carries = attribute(site, "consts"), attribute(site, "carries")
    fixed, starts, xs = operands[1:consts], operands[(consts + 1):(consts + carries)],
    operands[(consts + carries + 1):end]
    step = function_of!(site.environment, attribute(site, "body"))
    state = [gensym(:carry) for _ in starts]
    stacks = [gensym(:stack) for _ in site.node.outputs[(carries + 1):end]]
    n = attribute(site, "length")
    order = attribute(site, "reverse") ? (n:-1:1) : (1:1:n)
    rows = [call(row, x, :i) for x in xs]
    grow(k, stack) =
        attribute(site, "reverse") ? call(vcat, call(flat, :(next[$(carries + k)])), stack) :
        call(vcat, stack, call(flat, :(next[$(carries + k)])))
    return quote
        $((:($s = $x) for (s, x) in zip(state, starts))...)
        $((:($s = $(t.dtype)[]) for (s, t) in zip(stacks, site.node.outputs[(carries + 1):end]))...)
        for i in $order
            next = $step(constants, $(fixed...), $(state...), $(rows...))
            $((:($s = next[$k]) for (k, s) in enumerate(state))...)
            $((:($s = $(grow(k, s))) for (k, s) in enumerate(stacks))...)
        end
        $(scan_result(site, state, stacks))
    end
end

function scan_result(site::Site, state, stacks)
    types = site.node.outputs[(length(state) + 1):end]
    results = [state; [call(shaped, t.dims, s) for (t, s) in zip(types, stacks)]]
    return length(results) == 1 ? only(results) : Expr(:tuple, results...)
end

function looped(site::Site, operands...)
    consts, most = attribute(site, "consts"), attribute(site, "max_steps")
    fixed, starts = operands[1:consts], operands[(consts + 1):end]
    ahead = function_of!(site.environment, attribute(site, "condition"))
    step = function_of!(site.environment, attribute(site, "body"))
    state = [gensym(:carry) for _ in starts]
    more = :($ahead(constants, $(fixed...), $(state...))[1])
    return quote
        $((:($s = $x) for (s, x) in zip(state, starts))...)
        steps = 0
        while $(most == 0 ? more : :(steps < $most && $more))
            next = $step(constants, $(fixed...), $(state...))
            $((:($s = next[$k]) for (k, s) in enumerate(state))...)
            steps += 1
        end
        $(length(state) == 1 ? only(state) : Expr(:tuple, state...))
    end
end
