"Zygote rehearsed."
module AdglotBridgeZygoteExt

import AdglotBridge
import ForwardDiff
import PrecompileTools
import Zygote

PrecompileTools.@compile_workload AdglotBridge.rehearse(@__MODULE__, "Zygote")

end
