# Linear algebra on stacks of matrices.
#
# A matrix of the other side is its transpose here (graph.jl), and its stack runs over the last
# dimensions. `turned` gives the matrix as the other side sees it.

turned(x::AbstractMatrix) = permutedims(x)
turned(x::AbstractVector) = x

"The n-th matrix, or column, of a stack of them."
item(x, ::Val{2}, n::Int) = reshape(x, size(x, 1), size(x, 2), :)[:, :, n]
item(x, ::Val{1}, n::Int) = reshape(x, size(x, 1), :)[:, n]

"""
    stacked(f, ranks, numbers, dims, xs...)

`f` of the matrices or columns (`Val(2)`, `Val(1)` of `ranks`) with these numbers in the stacks `xs`;
results have size `dims` in all.
"""
@noinline function stacked(f::F, ranks, numbers, dims::Dims, xs...) where {F}
    parts = map(eachindex(first(numbers))) do k
        flat(f(map((x, rank, n) -> item(x, rank, n[k]), xs, ranks, numbers)...))
    end
    return reshape(reduce(vcat, parts), dims)
end

"Which items of a stack of so many are taken, where it is broadcast to `lead`."
function item_numbers(stack::Dims, lead::Dims)
    places = reshape(1:prod(stack; init = 1), stack)
    return vec(places .+ zeros(Int, lead))
end

"The n-th of several results of a factorization, over stacks."
struct Nth{N,F}
    f::F
end
Nth{N}(f::F) where {N,F} = Nth{N,F}(f)
(g::Nth{N})(xs...) where {N} = g.f(xs...)[N]

# ------------------------------------------------------------------ products, solves

# x1 @ x2 of matrices is x2 * x1 of their transposes.
multiplied(x1::AbstractMatrix, x2::AbstractMatrix) = x2 * x1
multiplied(x1::AbstractVector, x2::AbstractMatrix) = x2 * x1
multiplied(x1::AbstractMatrix, x2::AbstractVector) = turned(x1) * x2
multiplied(x1::AbstractVector, x2::AbstractVector) = sum(x1 .* x2)

solved(a, b) = turned(quotient(turned(a), turned(b)))

# By a factorization that does not look for zeros: Base's `\`, `inv` and `det` go by one triangle
# where the other one is zero, and packages then miss the derivatives by these zeros.
quotient(a, b) = lu(a) \ b
inverse(a) = inv(lu(a))
determinant(a) = det(lu(a; check = false))

triangular(lower::Bool, unit::Bool) =
    unit ? (lower ? UnitLowerTriangular : UnitUpperTriangular) :
    (lower ? LowerTriangular : UpperTriangular)

"Solves with one triangle (of a type of LinearAlgebra), or with its conjugate transpose."
struct TriangularSolve{T,Adjoint} end
(::TriangularSolve{T,false})(a, b) where {T} = turned(T(turned(a)) \ turned(b))
(::TriangularSolve{T,true})(a, b) where {T} = turned(T(turned(a))' \ turned(b))

# ------------------------------------------------------------------ factorizations

# The lower triangle of a is the upper one of its transpose, and a = L L^H means a^T = (L^T)^H L^T.
upper_half(x::AbstractMatrix) = Symmetric(x, :U)
upper_half(x::AbstractMatrix{<:Complex}) = Hermitian(x, :U)

# Rules fix the phases of complex vectors as LAPACK does for that triangle, and NumPy's is the lower.
lower_half(x::AbstractMatrix) = Symmetric(x, :L)
lower_half(x::AbstractMatrix{<:Complex}) = Hermitian(x, :L)

"Both triangles from the lower one: not every package looks at which one `Symmetric` means."
function from_lower(x)
    lower = [i[1] >= i[2] for i in CartesianIndices(size(x))]
    return lower_half(each(choose, lower, x, permutedims(conj(x))))
end

cholesky_factor(a) = Matrix(cholesky(upper_half(a)).U)

function orthogonal_triangular(a)
    q, r = qr(turned(a))
    return turned(Matrix(q)), turned(Matrix(r))
end

function eigen_hermitian(a)
    w, v = eigen(from_lower(turned(a)))
    return w, turned(v .* frozen(phases, a, v))
end

"What turns eigenvectors into those of the solver that NumPy calls: signs are LAPACK's choice."
function phases(a, v)
    _, reference = LAPACK.syevd!('V', 'L', copy(turned(a)))
    return sign.(sum(conj(v) .* reference; dims = 1))
end

function eigen_general(a)
    w, v = eigen(turned(a); sortby = nothing)
    return complex.(w), turned(complex.(v))
end

function singular_values(a)
    u, s, v = svd(turned(a))
    return turned(Matrix(u)), s, conj(Matrix(v))
end

function sign_and_logarithm(a)
    logarithm, sign = logabsdet(a)
    return sign, logarithm
end

"The Moore-Penrose inverse, singular values up to `rcond` times the largest taken as 0."
struct PseudoInverse
    rcond::Float64
end
(p::PseudoInverse)(a) = pinv(a; rtol = p.rcond)
