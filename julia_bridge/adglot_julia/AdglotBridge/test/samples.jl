# The samples that `python -m adglot_julia.samples FILE` writes.

struct OpSample
    name::String
    graph::AdglotBridge.Graph
    inputs::Vector{Any}
    outputs::Vector{Any}
end

function read_samples(path::String)
    samples = OpSample[]
    AdglotBridge.each_field(AdglotBridge.Reader(read(path))) do _, sample
        push!(samples, read_sample(sample))
    end
    return samples
end

function read_sample(r)
    name, graph, inputs, outputs = "", nothing, [], []
    AdglotBridge.each_field(r) do number, value
        number == 1 && (name = AdglotBridge.text(value))
        number == 2 && (graph = AdglotBridge.read_graph(value))
        number == 3 && push!(inputs, AdglotBridge.read_tensor(value))
        number == 4 && push!(outputs, AdglotBridge.read_tensor(value))
    end
    return OpSample(name, graph, inputs, outputs)
end

"The dtypes, sizes and numbers of values, NaN equal to NaN, up to `ulps` of the largest."
function same(got, want; ulps = 64)
    eltype(got) == eltype(want) && size(got) == size(want) || return false
    eltype(want) <: Integer && return got == want
    scale = maximum(abs, filter(isfinite, [vec(collect(want)); 0]); init = zero(real(eltype(want))))
    close(a, b) = isequal(a, b) || a == b || abs(a - b) <= ulps * eps(real(eltype(want))) * scale
    return all(splat(close), zip(got, want))
end

"Vectors of a factorization: LAPACK's choice of sign or phase is left out."
same_but_for_phases(got, want) = same(abs.(got), abs.(want))
