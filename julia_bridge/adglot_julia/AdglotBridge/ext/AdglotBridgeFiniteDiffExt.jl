"FiniteDiff rehearsed."
module AdglotBridgeFiniteDiffExt

import AdglotBridge
import FiniteDiff
import PrecompileTools

PrecompileTools.@compile_workload AdglotBridge.rehearse(@__MODULE__, "FiniteDiff")

end
