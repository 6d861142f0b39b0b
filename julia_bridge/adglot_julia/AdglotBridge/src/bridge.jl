# What the other side calls: graphs and prepared operators by number, numbers by address.
#
# Every function is called on the main thread, with Python's lock released: none touches Python.
# What goes wrong comes back as text, never as an exception that would keep Julia objects alive.

"An operator of a graph made ready for one engine; DI's preparation is made at the first point."
mutable struct Prepared
    const program::Program
    const request::Request
    const f::Any
    const backend::Any
    const engine::Union{Engine,Nothing}
    const sparsity::Union{Sparsity,Nothing}
    preparation::Any
    prepared_for::Any           # the context that the preparation has recorded
end

const PROGRAMS = Dict{Int,Program}()
const PREPARED = Dict{Int,Prepared}()
const LAST = Ref(0)
const COMPILATIONS = Ref(0)

"How many functions have been compiled for good: Julia never frees them."
compilations() = COMPILATIONS[]

function keep!(table, object)
    LAST[] += 1
    table[LAST[]] = object
    return LAST[]
end

"""
    guarded(action, phase)

What `action` gives, or the text of its error: the phase, its type, its message, where it was.
"""
function guarded(action, phase::String)
    try
        return action()
    catch exception
        return failure(phase, exception, catch_backtrace())
    end
end

function failure(phase::String, exception, trace)
    kind = string(nameof(typeof(exception)))
    message = try
        sprint(showerror, exception)
    catch
        "(no message)"
    end
    frames = Iterators.take(Iterators.filter(!is_machinery, stacktrace(trace)), 4)
    return join([phase, kind, shortened(message), map(short, frames)...], '\x1f')
end

is_machinery(frame) =
    startswith(string(frame.file), "./") || frame.line <= 0 || startswith(string(frame.func), "##")
short(frame) = string(frame.func, " at ", basename(string(frame.file)), ":", frame.line)

"The first paragraph, without parameters of types: what follows is advice, candidates, or LLVM's code."
function shortened(text)
    paragraph = first(split(strip(text), r"\n\s*\n|\n*Closest candidates|\n at context"; limit = 2))
    while (barer = replace(paragraph, r"\{[^{}]*\}" => "")) != paragraph
        paragraph = barer
    end
    return length(paragraph) > 500 ? string(first(paragraph, 500), " ...") : paragraph
end

# ------------------------------------------------------------------ graphs

"Take in a graph: the bytes of adglot.v1.Graph at an address. Its number, or what went wrong."
add_graph(address::Int, length::Int) = guarded("build") do
    bytes = copy(unsafe_wrap(Array, Ptr{UInt8}(address), length))
    COMPILATIONS[] += 1
    keep!(PROGRAMS, Program(read_graph(bytes)))
end

release_graph(number::Int) = (delete!(PROGRAMS, number); nothing)
release(number::Int) = (delete!(PREPARED, number); nothing)

# ------------------------------------------------------------------ prepare

"Make an operator ready: its number, or what went wrong."
function make_ready(
    graph::Int, engine::String, operator::String, @nospecialize(wrt), @nospecialize(of),
    mode::String, seeds::Int, points::Int, sparse::Bool,
)
    return guarded("prepare") do
        request = Request(Symbol(operator), collect(Int, wrt) .+ 1, collect(Int, of) .+ 1, mode, seeds, points, sparse)
        keep!(PREPARED, make_ready(PROGRAMS[graph], request, engine))
    end
end

function make_ready(program::Program, request::Request, engine::String)
    request.operator == :evaluate &&
        return Prepared(program, request, nothing, nothing, nothing, nothing, nothing, nothing)
    scalar = request.operator in (:gradient, :hvp, :hessian)
    f = flat_function(program, request.wrt, request.of; scalar)
    COMPILATIONS[] += 1
    known = ENGINES[engine]
    refuse(engine, known, program.graph)
    backend = Base.invokelatest(known.backend, request.operator, request.mode)
    request.sparse || return Prepared(program, request, f, backend, known, nothing, nothing, nothing)
    found = sparsity(program, request)
    backend = Base.invokelatest(sparse_backend, backend, found, request.operator)
    return Prepared(program, request, f, backend, known, found, nothing, nothing)
end

# ------------------------------------------------------------------ run

"""
    run(number, addresses)

Answer at one point or a batch. `addresses` points to the addresses of the inputs, the seeds, the
values and the derivatives, in the order of `transforms.operators.derive`. Derivatives are zero
before: those by nothing, or of nothing, stay so. Empty, or what went wrong.
"""
run(number::Int, addresses::Int) = guarded("run") do
    prepared = PREPARED[number]
    count = address_count(prepared)
    Base.invokelatest(run!, prepared, copy(unsafe_wrap(Array, Ptr{Int}(addresses), count)))
    ""
end

"The types of the seeds: of which values, before the axis of seeds."
function seed_types(prepared::Prepared)
    (; program, request) = prepared
    request.operator in (:jvp, :hvp) && return program.graph.inputs[request.wrt]
    request.operator == :vjp && return output_types(program.graph)[request.of]
    return TensorType[]
end

function result_counts(request::Request)
    request.sparse && return 1
    n, m = length(request.wrt), length(request.of)
    return Dict(
        :evaluate => 0, :jvp => m, :vjp => n, :gradient => n, :hvp => n, :jacobian => m * n,
        :hessian => n * n,
    )[request.operator]
end

function address_count(prepared::Prepared)
    (; program, request) = prepared
    inputs = length(program.graph.inputs)
    return inputs + length(seed_types(prepared)) + length(request.of) + result_counts(request)
end

"Addresses by what they are for."
function split_addresses(prepared::Prepared, addresses::Vector{Int})
    (; program, request) = prepared
    counts = [length(program.graph.inputs), length(seed_types(prepared)), length(request.of), result_counts(request)]
    ends = cumsum(counts)
    return ntuple(k -> addresses[(ends[k] - counts[k] + 1):ends[k]], 4)
end

function run!(prepared::Prepared, addresses::Vector{Int})
    parts = split_addresses(prepared, addresses)
    for point in 0:(max(prepared.request.points, 1) - 1)
        run_point!(prepared, parts..., point)
    end
end

function run_point!(prepared::Prepared, inputs, seeds, values, derivatives, point::Int)
    (; program, request) = prepared
    graph, types = program.graph, output_types(program.graph)[request.of]
    if request.operator == :evaluate
        xs = map((type, address) -> fetched(type, address, point), graph.inputs, inputs)
        ys = program.run(program.constants, xs...)
        foreach((k, type, address) -> put!(type, address, point, ys[k]), request.of, types, values)
        return nothing
    end
    active = graph.inputs[request.wrt]
    x = fetched_flat(real_dtype(active), active, inputs[request.wrt], point)
    others = setdiff(eachindex(graph.inputs), request.wrt)
    fixed = map(i -> fetched(graph.inputs[i], inputs[i], point), Tuple(others))
    tangents = seed_vectors(prepared, seeds, point)
    context = (program.constants, fixed)
    if isempty(x) || sum(reals, types) == 0 || is_zero(prepared.sparsity)
        return put_flat!(types, values, point, prepared.f(x, context))
    end
    y, derivative = differentiated!(prepared, x, tangents, context)
    put_flat!(types, values, point, plain(y))
    if request.sparse
        put_nonzeros!(prepared.sparsity, derivatives, point, derivative)
    else
        put_derivative!(Val(request.operator), prepared, derivatives, point, derivative)
    end
    return nothing
end

is_zero(::Nothing) = false
is_zero(found::Sparsity) = isempty(found.order)

"One flat vector a seed."
function seed_vectors(prepared::Prepared, addresses, point::Int)
    types, count = seed_types(prepared), max(prepared.request.seeds, 1)
    isempty(types) && return ()
    T = real_dtype(types)
    return ntuple(k -> fetched_flat(T, types, addresses, point * count + k - 1), count)
end

# Many seeds at once would compile anew for every number of them.
const SEEDS_AT_ONCE = 8

function differentiated!(prepared::Prepared, x, seeds, context)
    (; engine, backend) = prepared
    f, contexts = engine.typed ? (prepared.f, (DI.Constant(context),)) : (Bound(prepared.f, context), ())
    operator = Val(prepared.request.operator)
    groups = length(seeds) <= SEEDS_AT_ONCE ? [seeds] : [(seed,) for seed in seeds]
    stale = engine.records && !isequal(prepared.prepared_for, context)
    if prepared.preparation === nothing || stale
        prepared.preparation = prepare(operator, f, backend, x, first(groups), contexts...)
        prepared.prepared_for = engine.records ? deepcopy(context) : nothing
    end
    answers = [answer(operator, f, prepared.preparation, backend, x, group, contexts...) for group in groups]
    length(answers) == 1 && return only(answers)
    return first(first(answers)), reduce((a, b) -> (a..., b...), map(last, answers))
end

# ------------------------------------------------------------------ derivatives out

function put_derivative!(::Union{Val{:jvp},Val{:vjp},Val{:hvp}}, prepared, addresses, point, vectors)
    (; program, request) = prepared
    types = request.operator == :jvp ? output_types(program.graph)[request.of] : program.graph.inputs[request.wrt]
    for (k, vector) in enumerate(vectors)
        put_flat!(types, addresses, point * length(vectors) + k - 1, vector)
    end
end

put_derivative!(::Val{:gradient}, prepared, addresses, point, vector) =
    put_flat!(prepared.program.graph.inputs[prepared.request.wrt], addresses, point, vector)

function put_derivative!(::Val{:jacobian}, prepared, addresses, point, matrix)
    (; program, request) = prepared
    rows, columns = output_types(program.graph)[request.of], program.graph.inputs[request.wrt]
    put_blocks!(rows, columns, addresses, point, matrix)
end

function put_derivative!(::Val{:hessian}, prepared, addresses, point, matrix)
    active = prepared.program.graph.inputs[prepared.request.wrt]
    put_blocks!(active, active, addresses, point, matrix)
end
