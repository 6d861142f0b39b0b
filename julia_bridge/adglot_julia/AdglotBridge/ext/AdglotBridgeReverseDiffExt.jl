"The primal values of numbers and arrays on ReverseDiff's tape, and ReverseDiff rehearsed."
module AdglotBridgeReverseDiffExt

import AdglotBridge
import PrecompileTools
import ReverseDiff

AdglotBridge.primal(x::ReverseDiff.TrackedReal) = AdglotBridge.primal(ReverseDiff.value(x))
AdglotBridge.plain(x::ReverseDiff.TrackedArray) = AdglotBridge.plain(ReverseDiff.value(x))

PrecompileTools.@compile_workload AdglotBridge.rehearse(@__MODULE__, "ReverseDiff")

end
