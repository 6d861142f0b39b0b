# Numbers in and out by the address of the other side's memory: one copy, no conversion.

"An array over the other side's memory, of the block `k` (from 0) of those that follow each other."
function foreign(type::TensorType, address::Int, k::Int = 0)
    pointer = Ptr{type.dtype}(address + k * sizeof(type))
    return unsafe_wrap(Array, pointer, type.dims)
end

Base.sizeof(t::TensorType) = length(t) * sizeof(t.dtype)

"A value of our own: a number for rank 0."
function fetched(type::TensorType, address::Int, k::Int)
    array = foreign(type, address, k)
    return ndims(type) == 0 ? array[] : copy(array)
end

"Put numbers where the other side waits for them."
function put!(type::TensorType, address::Int, k::Int, values)
    copyto!(foreign(type, address, k), values)
    return nothing
end

"The flat real vector of values that lie in the other side's memory."
function fetched_flat(::Type{T}, types, addresses, k::Int) where {T}
    x = Vector{T}(undef, sum(reals, types; init = 0))
    at = 0
    for (type, address) in zip(types, addresses)
        at = append_reals!(x, at, foreign(type, address, k))
    end
    return x
end

function append_reals!(x, at::Int, array::Array{<:Real})
    copyto!(x, at + 1, array, 1, length(array))
    return at + length(array)
end

append_reals!(x, at::Int, array::Array{<:Complex}) =
    append_reals!(x, append_reals!(x, at, real(array)), imag(array))

"The part of a flat real vector that is a value of this type."
function section(type::TensorType, x::AbstractVector, offset::Int)
    n = length(type)
    part = x[(offset + 1):(offset + n)]
    return type.dtype <: Complex ? complex.(part, x[(offset + n + 1):(offset + 2n)]) : part
end

"""
The block of a matrix that is the derivative of one value by another, row-major.

Of a complex value by complex ones it is that along the real direction.
"""
function section(row::TensorType, column::TensorType, matrix::AbstractMatrix, at::Int, from::Int)
    m, columns = length(row), (from + 1):(from + length(column))
    part = permutedims(matrix[(at + 1):(at + m), columns])
    row.dtype <: Complex || return part
    return complex.(part, permutedims(matrix[(at + m + 1):(at + 2m), columns]))
end

"Put a flat real vector where its values are waited for."
function put_flat!(types, addresses, k::Int, x::AbstractVector)
    for (type, address, offset) in zip(types, addresses, offsets(types))
        put!(type, address, k, section(type, x, offset))
    end
end

put_flat!(types, addresses, k::Int, x::Number) = put!(only(types), only(addresses), k, (x,))

"Put a matrix, block by block: rows are those of one list of values, columns those of another."
function put_blocks!(rows, columns, addresses, k::Int, matrix::AbstractMatrix)
    blocks = Iterators.product(zip(columns, offsets(columns)), zip(rows, offsets(rows)))
    for (((column, from), (row, at)), address) in zip(blocks, addresses)
        type = TensorType(row.dtype, (column.dims..., row.dims...))
        put!(type, address, k, section(row, column, matrix, at, from))
    end
end

"Packages give the Hessian of one number as a vector."
put_blocks!(rows, columns, addresses, k::Int, matrix::AbstractVector) =
    put_blocks!(rows, columns, addresses, k, reshape(matrix, sum(reals, rows), :))
