"The primal values of dual numbers, and ForwardDiff rehearsed."
module AdglotBridgeForwardDiffExt

import AdglotBridge
import ForwardDiff
import PrecompileTools

AdglotBridge.primal(x::ForwardDiff.Dual) = AdglotBridge.primal(ForwardDiff.value(x))

PrecompileTools.@compile_workload AdglotBridge.rehearse(@__MODULE__, "ForwardDiff")

end
