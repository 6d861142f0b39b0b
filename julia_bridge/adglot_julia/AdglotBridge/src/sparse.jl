# Sparse Jacobians and Hessians by DI's AutoSparse: pattern and colours are those of Julia's packages.

"Where a matrix may differ from zero, its stored numbers row by row, and the colours of its passes."
struct Sparsity
    pattern::SparseMatrixCSC{Bool,Int}
    order::Vector{Int}
    colours::Int
end

const SPARSE_PACKAGES = ["SparseConnectivityTracer", "SparseMatrixColorings"]

"""
    sparsity(program, request)

Raises what tracing raises where that cannot tell: values decide, or an op has no pattern.
"""
function sparsity(program::Program, request::Request)
    foreach(Base.require ∘ found, SPARSE_PACKAGES)
    inputs = program.graph.inputs
    # By all inputs, so that what is fixed has no value that zeros or branches could be told from.
    all(t -> t.dtype <: AbstractFloat, inputs) || throw(ArgumentError("indices may be inputs"))
    hessian = request.operator == :hessian
    f = flat_function(program, collect(eachindex(inputs)), request.of; scalar = hessian)
    COMPILATIONS[] += 1
    x = zeros(real_dtype(inputs), sum(reals, inputs))
    whole = Base.invokelatest(traced, Bound(f, (program.constants, ())), x, hessian)
    columns = reduce(vcat, [at .+ (1:reals(t)) for (t, at) in zip(inputs, offsets(inputs))][request.wrt])
    pattern = hessian ? whole[columns, columns] : whole[:, columns]
    return Base.invokelatest(coloured, pattern, request)
end

function traced(f, x, hessian::Bool)
    tracer = package("SparseConnectivityTracer")
    find = hessian ? tracer.hessian_sparsity : tracer.jacobian_sparsity
    return find(f, x, tracer.TracerSparsityDetector())
end

function coloured(pattern, request::Request)
    numbered = SparseMatrixCSC(size(pattern)..., pattern.colptr, pattern.rowval, collect(1:nnz(pattern)))
    order = nonzeros(permutedims(numbered))
    colours = isempty(order) ? 0 : count_colours(pattern, request)
    return Sparsity(pattern, order, colours)
end

function count_colours(pattern, request::Request)
    colorings = package("SparseMatrixColorings")
    structure = request.operator == :hessian ? :symmetric : :nonsymmetric
    partition = request.mode == "reverse" && structure == :nonsymmetric ? :row : :column
    problem = colorings.ColoringProblem(; structure, partition)
    return colorings.ncolors(colorings.coloring(pattern, problem, colorings.GreedyColoringAlgorithm()))
end

"The backend that answers a sparse request with a dense one."
function sparse_backend(dense, found::Sparsity, operator::Symbol)
    known = operator == :hessian ? ADTypes.KnownHessianSparsityDetector : ADTypes.KnownJacobianSparsityDetector
    return ADTypes.AutoSparse(
        dense;
        sparsity_detector = known(found.pattern),
        coloring_algorithm = package("SparseMatrixColorings").GreedyColoringAlgorithm(),
    )
end

"(rows, columns, nonzeros, colours) of the matrix of a sparse request."
function pattern_size(number::Int)
    found = PREPARED[number].sparsity
    return (size(found.pattern)..., length(found.order), found.colours)
end

"Write a pattern, in compressed rows counted from 0, to two addresses of Int64."
function write_pattern(number::Int, starts::Int, columns::Int)
    rows = permutedims(PREPARED[number].sparsity.pattern)
    copyto!(foreign(TensorType(Int64, size(rows.colptr)), starts), rows.colptr .- 1)
    copyto!(foreign(TensorType(Int64, size(rows.rowval)), columns), rows.rowval .- 1)
    return nothing
end

function put_nonzeros!(found::Sparsity, addresses, point::Int, matrix::SparseMatrixCSC{T}) where {T}
    nnz(matrix) == length(found.order) || throw(DimensionMismatch("another pattern than expected"))
    put!(TensorType(T, size(found.order)), only(addresses), point, nonzeros(matrix)[found.order])
end
