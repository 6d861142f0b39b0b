"Truncated power series: their primal values, and where a function has none."
module AdglotBridgeGTPSAExt

import AdglotBridge
import AdglotBridge: NaNWhere, Power, power, quotient_or_zero
import GTPSA: TPS, scalar

AdglotBridge.primal(x::TPS) = scalar(x)

"Whether a function has no power series here, where GTPSA's library ends the process."
singular(::Any, xs...) = false
singular(g::NaNWhere, x) = singular(g.f, x)
singular(::Union{typeof(log),typeof(sqrt)}, x) = iszero(x)
singular(::typeof(log1p), x) = x == -1
singular(::Union{typeof(asin),typeof(acos),typeof(atanh)}, x) = abs(x) == 1
singular(::typeof(acosh), x) = x == 1
singular(f::Power, x) = iszero(x) && f.exponent < 0
singular(::Union{typeof(/),typeof(quotient_or_zero)}, a, b) = iszero(b)
singular(::Union{typeof(hypot),typeof(atan)}, a, b) = iszero(a) && iszero(b)
singular(::typeof(power), a, b) = iszero(a)

"A function where it has a power series."
struct Analytic{F} <: Function
    f::F
end

function (analytic::Analytic)(xs...)
    at = map(AdglotBridge.primal, xs)
    singular(analytic.f, at...) &&
        throw(DomainError(at, "GTPSA has no power series of this function here"))
    return analytic.f(xs...)
end

const SERIES = (TPS, AbstractArray{<:TPS})

for A in SERIES
    @eval AdglotBridge.each(f::F, x::$A) where {F} = broadcast(Analytic(f), x)
    for B in SERIES
        @eval AdglotBridge.each(f::F, x::$A, y::$B) where {F} = broadcast(Analytic(f), x, y)
    end
    for B in (Number, AbstractArray)
        @eval AdglotBridge.each(f::F, x::$A, y::$B) where {F} = broadcast(Analytic(f), x, y)
        @eval AdglotBridge.each(f::F, x::$B, y::$A) where {F} = broadcast(Analytic(f), x, y)
    end
end

end
