# Functions of arrays that the op table calls. None writes into an array, since not every AD package
# can follow that; what moves numbers is said by indices.

"Broadcast one function. Not inlined: a graph of thousands of nodes then compiles each kind once."
@noinline each(f::F, x) where {F} = broadcast(f, x)
@noinline each(f::F, x, y) where {F} = broadcast(f, x, y)
@noinline each(f::F, x, y, z) where {F} = broadcast(f, x, y, z)
each(f::F, x::Number) where {F} = f(x)
each(f::F, x::Number, y::Number) where {F} = f(x, y)
each(f::F, x::Number, y::Number, z::Number) where {F} = f(x, y, z)

"""
    plain(x)

The primal values of an array: what indices and masks are computed from.
"""
plain(x::Number) = primal(x)
plain(x::AbstractArray) = primal.(x)
plain(x::Array{<:Union{Bool,Int32,Int64,Float32,Float64,ComplexF32,ComplexF64}}) = x
plain(x) = x

"`f` of primal values: indices, which have no derivative. Extensions tell AD packages so."
@noinline frozen(f::F, xs...) where {F} = f(map(plain, xs)...)

flat(x::Number) = [x]
flat(x::AbstractArray) = vec(x)

shaped(dims::Dims, x) = reshape(flat(x), dims)
shaped(::Tuple{}, x) = first(x)

@noinline gather(x, indices) = x[indices]
@noinline part(ranges::Tuple, x) = x[ranges...]

"The elements of x, then one of `filling`, at indices: the last index is the filling."
@noinline gather_filled(indices, filling, x) = vcat(flat(x), [filling])[indices]

# ------------------------------------------------------------------ reductions

"The extreme by an order of our own, for complex numbers."
struct Extreme{F}
    f::F
end
(e::Extreme)(x; dims) = mapslices(line -> reduce(e.f, line), x; dims)

@noinline reduced(f::F, x) where {F} = f(x)
reduced(e::Extreme, x) = reduce(e.f, x)
@noinline reduced_along(f::F, along::Dims, dims::Dims, x) where {F} =
    reshape(f(x; dims = along), dims)

"Positions along a dimension, from 0: of equals the first, a NaN before all others."
function positions(ahead::F, dim::Int, dims::Dims, x) where {F}
    lines = eachslice(x; dims = Tuple(d for d in 1:ndims(x) if d != dim), drop = true)
    found = Int64[position(ahead, line) for line in lines]
    return dims == () ? only(found) : reshape(found, dims)
end

positions(ahead::F, dim::Int, ::Tuple{}, x::AbstractVector) where {F} = position(ahead, x)

function position(ahead::F, line) where {F}
    best = firstindex(line)
    for i in eachindex(line)
        isnan(line[best]) && break
        (isnan(line[i]) || ahead(line[i], line[best])) && (best = i)
    end
    return Int64(best - 1)
end

# ------------------------------------------------------------------ indices

"Linear indices of each place: those in order of size `dims`."
places(dims::Dims) = reshape(collect(1:prod(dims)), dims)

"An index from 0, or from the end if negative, as one from 0."
function wrapped(index, n)
    -n <= index < n || throw(BoundsError(1:n, index + 1))
    return index < 0 ? index + n : Int(index)
end

"""
The linear indices that `take` reads from an array of size `dims`.

Index array j of k belongs to dimension `inner + k + 1 - j`, `inner` being how many dimensions run
faster than all that are indexed.
"""
taken(dims::Dims, inner::Int, result::Dims{N}, indices...) where {N} =
    reshape(taken_places(dims, inner, indices...), result)::Array{Int,N}
taken(dims::Dims, inner::Int, ::Tuple{}, indices...) = only(taken_places(dims, inner, indices...))

function taken_places(dims::Dims, inner::Int, indices...)::Vector{Int}
    k = length(indices)
    stride(d) = prod(dims[1:(d - 1)]; init = 1)
    offset(j) = wrapped.(indices[j], dims[inner + k + 1 - j]) .* stride(inner + k + 1 - j)
    between = reduce((a, b) -> a .+ b, map(offset, 1:k))
    within = 0:(stride(inner + 1) - 1)
    outside = (0:(prod(dims[(inner + k + 1):end]; init = 1) - 1)) .* stride(inner + k + 1)
    return vec(within .+ reshape(flat(between), 1, :) .+ reshape(outside, 1, 1, :) .+ 1)
end

"For every place of x the place in [x; updates] that it takes its number from."
function written(dims::Dims, at)
    source = places(dims)
    for (number, place) in enumerate(at)
        source[place] = prod(dims) + number
    end
    return source
end

"""
For every place that is added to, the numbers of its updates (a column, filled up with `missing`'s
stand-in, the number behind the last), and for every place of x its column (or the one behind).
"""
function added(dims::Dims, at)
    groups = Dict{Int,Vector{Int}}()
    for (number, place) in enumerate(at)
        push!(get!(Vector{Int}, groups, place), number)
    end
    touched = sort!(collect(keys(groups)))
    most = maximum(length, values(groups); init = 0)
    columns = fill(length(at) + 1, most, length(touched))
    column = fill(length(touched) + 1, dims)
    for (k, place) in enumerate(touched)
        columns[1:length(groups[place]), k] .= groups[place]
        column[place] = k
    end
    return columns, column
end

@noinline function scattered(inner::Int, x, updates, indices...)
    dims = size(x)
    source = frozen(scatter_source, dims, inner, size(updates), indices...)
    return vcat(vec(x), flat(updates))[source]
end

scatter_source(dims, inner, result, indices...) =
    written(dims, flat(taken(dims, inner, result, indices...)))

@noinline function scattered_added(inner::Int, zero, x, updates, indices...)
    columns, column = frozen(scatter_columns, size(x), inner, size(updates), indices...)
    isempty(columns) && return x .+ zero  # not x itself: Enzyme has to know which array it is
    sums = vec(sum(gather_filled(columns, zero, updates); dims = 1))
    return x .+ gather_filled(column, zero, sums)
end

scatter_columns(dims, inner, result, indices...) =
    added(dims, flat(taken(dims, inner, result, indices...)))

# ------------------------------------------------------------------ blocks at computed places

"The block's first index in each dimension, from 1; starts come axis by axis."
function corner(dims::Dims, sizes::Dims, starts...)
    return ntuple(length(dims)) do d
        start, n = Int(starts[length(dims) + 1 - d]), dims[d]
        first = start < 0 ? start + n : start
        0 <= first <= n - sizes[d] || throw(BoundsError(1:n, start + 1))
        first + 1
    end
end

block(dims::Dims, sizes::Dims, starts...) =
    map((first, n) -> first:(first + n - 1), corner(dims, sizes, starts...), sizes)

@noinline dynamic_part(sizes::Dims, x, starts...) =
    x[frozen(block, size(x), sizes, starts...)...]

@noinline function dynamic_written(x, update, starts...)
    source = frozen(block_source, size(x), size(update), starts...)
    return vcat(vec(x), vec(update))[source]
end

block_source(dims, sizes, starts...) =
    written(dims, vec(places(dims)[block(dims, sizes, starts...)...]))

# ------------------------------------------------------------------ order and runs

"Linear indices that put x in order along a dimension."
function in_order(dim::Int, x)
    order = similar(x, Int)
    for line in lines(dim, size(x))
        order[line] = line[sortperm(x[line]; lt = before, alg = Base.Sort.DEFAULT_STABLE)]
    end
    return order
end

lines(dim::Int, dims::Dims) =
    [vec(line) for line in eachslice(places(dims); dims = Tuple(setdiff(1:length(dims), dim)))]

lines(dim::Int, dims::Dims{1}) = [collect(1:dims[1])]

"NumPy's argsort: positions along the dimension, from 0."
function order_along(dim::Int, x)
    indices = in_order(dim, x)
    isempty(indices) && return indices
    return (indices .- 1) .÷ stride(x, dim) .% size(x, dim)
end

@noinline sorted(dim::Int, x) = x[frozen(in_order, dim, x)]
@noinline argsorted(dim::Int, x) = frozen(order_along, dim, x)

backwards(dim::Int, x) = x[ntuple(d -> d == dim ? (size(x, d):-1:1) : (1:1:size(x, d)), ndims(x))...]

@noinline running(f::F, dim::Int, x) where {F} = f(x; dims = dim)
@noinline running_back(f::F, dim::Int, x) where {F} = backwards(dim, f(backwards(dim, x); dims = dim))

"y[k] = a[k] y[k-1] + b[k] over the columns of matrices; the columns one behind the other."
@noinline function recurrence(a, b)
    y, last = b[:, 1], b[:, 1]  # two arrays: Zygote mixes up one that two variables name
    for k in 2:size(b, 2)
        last = a[:, k] .* last .+ b[:, k]
        y = vcat(y, last)
    end
    return y
end

"""
A recurrence along one dimension of an array: `front` brings it to the end, `back` where it was.
"""
@noinline function recurrence_along(front::Dims, back::Dims, order, a, b)
    a, b = permutedims(a, front), permutedims(b, front)
    n = size(b, ndims(b))
    isempty(b) && return permutedims(b, back)
    columns(x) = reshape(x, :, n)[:, order]
    y = reshape(recurrence(columns(a), columns(b)), :, n)[:, order]
    return permutedims(reshape(y, size(b)), back)
end
