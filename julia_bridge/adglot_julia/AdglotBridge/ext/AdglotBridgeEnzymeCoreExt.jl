"Tells Enzyme what has no derivative, and which of its rules are for functions of ours."
module AdglotBridgeEnzymeCoreExt

import AdglotBridge
import EnzymeCore: Annotation, Const, EnzymeRules
import LinearAlgebra: det

EnzymeRules.inactive(::typeof(AdglotBridge.frozen), args...) = nothing
EnzymeRules.inactive(::AdglotBridge.Stepwise, args...) = nothing

# Enzyme has rules for these in reverse, and none for the factorization that they go by. Of complex
# numbers its cotangents lack a conjugate (seen with Enzyme 0.13.173): better none than these.
const Reals = Annotation{<:AbstractArray{<:Real}}

for (ours, theirs) in ((:quotient, \), (:determinant, det))
    @eval begin
        EnzymeRules.augmented_primal(
            config::EnzymeRules.RevConfig, ::Const{typeof(AdglotBridge.$ours)}, result::Type, xs::Vararg{Reals}
        ) = EnzymeRules.augmented_primal(config, Const($theirs), result, xs...)
        EnzymeRules.reverse(
            config::EnzymeRules.RevConfig, ::Const{typeof(AdglotBridge.$ours)}, result, tape, xs::Vararg{Reals}
        ) = EnzymeRules.reverse(config, Const($theirs), result, tape, xs...)
    end
end

end
