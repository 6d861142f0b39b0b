# Functions of complex numbers by their parts, as Base has them but without its short ways for
# numbers on an axis: who follows these misses the derivative by the part that is zero there.

"A function of a complex number by its parts; Base's own where one of them is not finite."
struct ByParts{F,G} <: Function
    f::F
    parts::G
end
(g::ByParts)(z) = isfinite(primal(z)) ? complex(g.parts(reim(z)...)...) : g.f(z)

exp_parts(x, y) = exp(x) .* (cos(y), sin(y))
const exponential = ByParts(exp, exp_parts)

# Base's own multiplies where the exponent is a whole number, so that it has no derivative by it.
power(a::Complex, b::Complex) =
    iszero(primal(a)) ? power_of_zero(a, b) : exponential(b * log(a))

power_of_zero(a::Complex{T}, b::Complex{T}) where {T<:AbstractFloat} = a^b
power_of_zero(a, b) = a * b

expm1_parts(x, y) = (expm1(x) - 2exp(x) * sin(y / 2)^2, exp(x) * sin(y))
sin_parts(x, y) = (sin(x) * cosh(y), cos(x) * sinh(y))
cos_parts(x, y) = (cos(x) * cosh(y), -(sin(x) * sinh(y)))
sinh_parts(x, y) = (sinh(x) * cos(y), cosh(x) * sin(y))
cosh_parts(x, y) = (cosh(x) * cos(y), sinh(x) * sin(y))

"Base's takes exponents apart, by bits that Mooncake cannot follow."
function sqrt_parts(x, y)
    size, side = hypot(x, y), copysign(one(primal(y)), primal(y))
    iszero(primal(size)) && return sqrt(size), y
    if primal(x) >= 0
        t = sqrt((size + x) / 2)
        return t, y / 2t
    end
    t = sqrt((size - x) / 2)
    return side * y / 2t, side * t
end

root(x, y) = complex(sqrt_parts(x, y)...)

# Kahan, Branch cuts for complex elementary functions, 1987.
function asin_parts(x, y)
    below, above = root(1 - x, -y), root(1 + x, y)
    return atan(x, real(below * above)), asinh(copysign(imag(conj(below) * above), y))
end

function acos_parts(x, y)
    below, above = root(1 - x, -y), root(1 + x, y)
    return 2atan(real(below), real(above)), asinh(imag(conj(above) * below))
end

function acosh_parts(x, y)
    below, above = root(x - 1, y), root(x + 1, y)
    return asinh(real(conj(below) * above)), 2atan(imag(below), real(above))
end

function asinh_parts(x, y)
    u, v = asin_parts(-y, x)
    return v, -u
end

function atanh_parts(x, y)
    side = copysign(one(primal(x)), primal(x))
    x, y = side * x, side * y
    u = log1p(4x / ((1 - x)^2 + y^2)) / 4
    v = atan(2y, (1 - x) * (1 + x) - y^2) / 2
    return side * u, side * v
end

function atan_parts(x, y)
    u, v = atanh_parts(-y, x)
    return v, -u
end
