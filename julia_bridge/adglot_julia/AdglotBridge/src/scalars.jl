# Scalar functions with NumPy's answers where Julia's differ: NaN instead of a DomainError, 0 for an
# integer over 0, an order of complex numbers. All take the number types of AD packages.

"""
    primal(x)

The number that an AD package's number `x` stands for. Extensions say it for their packages.
"""
primal(x::Number) = x
primal(z::Complex) = complex(primal(real(z)), primal(imag(z)))

"A primal value that has one: a symbol has none, so that nothing can be decided by it."
definite(x::Union{Integer,AbstractFloat,Complex{<:AbstractFloat}}) = x
definite(x) = throw(ArgumentError("a decision that depends on the value of a $(typeof(x))"))

not_a_number(x) = x * oftype(primal(x), NaN)

"`f(x)`, but NaN where `outside(x)`: Julia would throw a DomainError there."
struct NaNWhere{O,F} <: Function
    outside::O
    f::F
end

(g::NaNWhere)(x) = g.outside(primal(x)) ? not_a_number(x) : g.f(x)
(g::NaNWhere)(z::Complex) = g.f(z)

# ------------------------------------------------------------------ dtypes

"""
    cast(T, x)

`x` as NumPy's `astype` has it. Numbers of AD packages stay what they are where `T` is narrower.
"""
cast(::Type{Bool}, x::Number) = !iszero(definite(primal(x)))
cast(::Type{T}, x::Integer) where {T<:Signed} = x % T
cast(::Type{T}, x::Real) where {T<:Signed} = unsafe_trunc(T, primal(x))
cast(::Type{T}, x::Union{Integer,Float32,Float64}) where {T<:AbstractFloat} = T(x)
cast(::Type{T}, x::Number) where {T<:AbstractFloat} = x * one(T)
cast(::Type{Complex{T}}, x::Real) where {T} = complex(cast(T, x))
cast(::Type{Complex{T}}, z::Complex) where {T} = complex(cast(T, real(z)), cast(T, imag(z)))

struct Cast{T} <: Function end
(::Cast{T})(x) where {T} = cast(T, x)

# ------------------------------------------------------------------ choice and order

"Which of two values: they become one type, whichever of them carries a derivative."
choose(condition, a, b) = ifelse(truth(condition), promote(a, b)...)

truth(condition::Bool) = condition
truth(condition) = !iszero(definite(primal(condition)))  # packages may make a dual number of a Bool

"A function that is constant between its jumps: its value, in the number type of its arguments."
struct Stepwise{F} <: Function
    f::F
end
(step::Stepwise)(xs::Union{Integer,Float32,Float64}...) = step.f(xs...)
(step::Stepwise)(xs...) = step.f(map(primal, xs)...) + sum(map(zero, xs))

# Of dual numbers Base's sign compares tangents, too.
signed(x::Real) = Stepwise(sign)(x)
signed(z::Complex) = sign(z)

"A test of primal values, which has no derivative."
struct Test{F} <: Function
    f::F
end
(test::Test)(xs...) = test.f(map(primal, xs)...)::Bool

precedes(a::Real, b::Real) = a < b
precedes(a::Complex, b::Complex) =
    real(a) < real(b) || (real(a) == real(b) && imag(a) < imag(b))

"NumPy's order for sorting: complex numbers by parts, NaN last, -0.0 and 0.0 alike."
before(a::Number, b::Number) = precedes(a, b) || (!isnan(a) && isnan(b))

larger(a, b) = max(a, b)
larger(a::Complex, b::Complex) = isnan(a) || !(isnan(b) || precedes(primal(a), primal(b))) ? a : b
smaller(a, b) = min(a, b)
smaller(a::Complex, b::Complex) = isnan(a) || !(isnan(b) || precedes(primal(b), primal(a))) ? a : b

# ------------------------------------------------------------------ arithmetic

floor_divide(a::Integer, b::Integer) = iszero(b) ? zero(a) : fld(a, b)
floor_divide(a, b) = iszero(primal(b)) ? a / b : fld(a, b)

modulo(a::Integer, b::Integer) = iszero(b) ? zero(a) : mod(a, b)
modulo(a, b) = mod(a, b)

power(a::Integer, b::Integer) = a^b

"Of a negative base by its size, so that nothing takes the logarithm of a negative number."
function power(a, b)
    primal(a) < 0 || return a^b
    isinteger(primal(b)) || return not_a_number(a) * b
    return isodd(primal(b)) ? -((-a)^b) : (-a)^b
end

"To an exponent that is known when the function is built."
struct Power <: Function
    exponent::Int
end
(p::Power)(x) = x^p.exponent

quotient_or_zero(a, b) = iszero(primal(a)) && iszero(primal(b)) ? zero(a / b) : a / b

function log_add_exp(a, b)
    isinf(primal(a)) && primal(a) == primal(b) && return (a + b) / 2
    return primal(a) >= primal(b) ? a + log1p(exp(b - a)) : b + log1p(exp(a - b))
end

# ------------------------------------------------------------------ special functions

expit(x) = primal(x) >= 0 ? inv(1 + exp(-x)) : (e = exp(x); e / (1 + e))

log_gamma(x) = primal(x) > 0 ? SpecialFunctions.loggamma(x) : first(SpecialFunctions.logabsgamma(x))
at_pole(x) = x < 0 && isinteger(x)
normal_quantile(p) = -SpecialFunctions.erfcinv(2p) * sqrt(oftype(primal(p), 2))
half_root(x) = x * sqrt(oftype(primal(x), 0.5))

function log_normal_distribution(x)
    primal(x) > 0 && return log1p(-SpecialFunctions.erfc(half_root(x)) / 2)
    return SpecialFunctions.logerfc(-half_root(x)) - log(oftype(primal(x), 2))
end

"A function of a parameter that is fixed in the graph, and of x."
struct OfOrder{F,N} <: Function
    f::F
    order::N
end
(g::OfOrder)(x) = g.f(g.order, x)
