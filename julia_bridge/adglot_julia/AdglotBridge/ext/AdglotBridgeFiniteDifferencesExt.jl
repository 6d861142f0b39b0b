"FiniteDifferences rehearsed."
module AdglotBridgeFiniteDifferencesExt

import AdglotBridge
import FiniteDifferences
import PrecompileTools

PrecompileTools.@compile_workload AdglotBridge.rehearse(@__MODULE__, "FiniteDifferences")

end
