"Tells the packages that follow ChainRules (Zygote, Diffractor) what has no derivative."
module AdglotBridgeChainRulesCoreExt

import AdglotBridge
import ChainRulesCore
import LinearAlgebra: det

ChainRulesCore.@non_differentiable AdglotBridge.frozen(::Any...)
ChainRulesCore.@non_differentiable AdglotBridge.primal(::Any)

# Zeros, and not nothing at all: DI has no answer for a function that depends on nothing.
ChainRulesCore.rrule(step::AdglotBridge.Stepwise, xs::Real...) =
    step(xs...), _ -> (ChainRulesCore.NoTangent(), map(zero, xs)...)

# ChainRules has rules for these, and none for the factorizations that they go by.
for (ours, theirs) in ((:quotient, \), (:inverse, inv), (:determinant, det))
    @eval begin
        ChainRulesCore.rrule(::typeof(AdglotBridge.$ours), xs...) = ChainRulesCore.rrule($theirs, xs...)
        ChainRulesCore.frule(tangents, ::typeof(AdglotBridge.$ours), xs...) =
            ChainRulesCore.frule(tangents, $theirs, xs...)
    end
end

end
