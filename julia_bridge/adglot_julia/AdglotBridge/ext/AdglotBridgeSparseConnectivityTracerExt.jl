"Where numbers come from, of functions that look at values: tracers have none."
module AdglotBridgeSparseConnectivityTracerExt

import AdglotBridge
import LinearAlgebra: det
import SparseConnectivityTracer: AbstractTracer

AdglotBridge.primal(x::AbstractTracer) =
    throw(ArgumentError("a decision that depends on the value of a $(typeof(x))"))

"Any function of these numbers: all of its first and second derivatives may differ from zero."
anything(xs...) = exp(sum(xs))

(g::AdglotBridge.NaNWhere)(x::AbstractTracer) = anything(x)
(g::AdglotBridge.OfOrder)(x::AbstractTracer) = anything(x)
AdglotBridge.expit(x::AbstractTracer) = anything(x)
AdglotBridge.log_gamma(x::AbstractTracer) = anything(x)
AdglotBridge.log_normal_distribution(x::AbstractTracer) = anything(x)

for f in (:power, :log_add_exp, :quotient_or_zero, :modulo)
    @eval begin
        AdglotBridge.$f(a::AbstractTracer, b::AbstractTracer) = anything(a, b)
        AdglotBridge.$f(a::AbstractTracer, b::Real) = anything(a)
        AdglotBridge.$f(a::Real, b::AbstractTracer) = anything(b)
    end
end

# The tracer has patterns for these, and none for the factorizations that they go by.
AdglotBridge.quotient(a::AbstractMatrix{<:AbstractTracer}, b) = a \ b
AdglotBridge.inverse(a::AbstractMatrix{<:AbstractTracer}) = inv(a)
AdglotBridge.determinant(a::AbstractMatrix{<:AbstractTracer}) = det(a)

(step::AdglotBridge.Stepwise)(x::AbstractTracer) = zero(x)
(step::AdglotBridge.Stepwise)(x::AbstractTracer, y::Real) = zero(x)
(step::AdglotBridge.Stepwise)(x::Real, y::AbstractTracer) = zero(y)
(step::AdglotBridge.Stepwise)(x::AbstractTracer, y::AbstractTracer) = zero(x)

end
