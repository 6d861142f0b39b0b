# A graph as one Julia function, and that function of one flat real vector, as AD packages want it.
#
# All active inputs become one vector, complex ones by their real and then their imaginary parts,
# and so do all outputs: every package can then differentiate every graph, and its adjoint is the
# one for the real inner product, which is adglot's.

"A graph's function `run(constants, inputs...)`, which gives the tuple of its outputs."
struct Program
    graph::Graph
    run::Function
    constants::Tuple
end

"The modules of all functions made so far: code outlives its graph, and needs its module."
const HOMES = Module[]

"Where functions are made while packages are precompiled: other modules are closed then."
const OPEN = Ref{Union{Module,Nothing}}(nothing)

new_home() = OPEN[] === nothing ? last(push!(HOMES, Module(gensym(:graph)))) : OPEN[]

function Program(graph::Graph)
    environment = Environment()
    name = function_of!(environment, graph)
    home = new_home()
    foreach(definition -> Core.eval(home, definition), environment.functions)
    run = Base.invokelatest(getglobal, home, name)
    return Program(graph, run, Tuple(environment.constants))
end

# ------------------------------------------------------------------ parts of flat vectors

"The real numbers that a value of this type stands for."
reals(t::TensorType) = length(t) * (t.dtype <: Complex ? 2 : 1)

"The element type of the flat vector of these values."
real_dtype(types) = any(t -> real(t.dtype) == Float64, types) ? Float64 : Float32

"Where each value begins in the flat vector, from 0."
offsets(types) = cumsum([0; map(reals, types)])[1:length(types)]

"The expression of a value in the flat vector `x`, of element type `T`."
function unpacked(type::TensorType, offset::Int, T::DataType, whole::Bool)
    n = length(type)
    section(first) = whole ? :x : :(x[$(first + 1):$(first + n)])
    pick(first) = ndims(type) == 0 ? :(x[$(first + 1)]) : call(shaped, type.dims, section(first))
    real(type.dtype) == type.dtype || return call(each, complex, pick(offset), pick(offset + n))
    return type.dtype == T ? pick(offset) : call(each, Cast{type.dtype}(), pick(offset))
end

"The expression of a value as its part of a flat vector."
function packed(type::TensorType, value)
    type.dtype <: Complex || return call(flat, value)
    return call(vcat, call(flat, call(each, real, value)), call(flat, call(each, imag, value)))
end

"""
    flat_function(program, wrt, of; scalar)

`(x, context) -> y`, where x is the flat vector of the inputs `wrt` and y that of the outputs `of`
(the number itself, if `scalar`); the context is (constants, the other inputs).
"""
function flat_function(program::Program, wrt, of; scalar::Bool)
    graph = program.graph
    active = graph.inputs[wrt]
    types = output_types(graph)[of]
    T, starts = real_dtype(active), offsets(active)
    whole = length(wrt) == 1 && !(only(active).dtype <: Complex)
    inputs = map(eachindex(graph.inputs)) do i
        k = findfirst(==(i), wrt)
        k === nothing && return :(others[$(count(!in(wrt), 1:i))])
        return unpacked(active[k], starts[k], T, whole)
    end
    results = [:(outputs[$k]) for k in of]
    value = scalar ? only(results) : call(vcat, map(packed, types, results)...)
    name = gensym(:flat)
    definition = quote
        function $name(x, context)
            constants, others = context
            outputs = $(program.run)(constants, $(inputs...))
            return $value
        end
    end
    return Core.eval(new_home(), definition)
end

"""
A function of (x, context) with its context, both of no particular type: what packages compile to
differentiate one graph serves all others.
"""
struct Bound
    f::Any
    context::Any
end

(bound::Bound)(x) = bound.f(x, bound.context)
