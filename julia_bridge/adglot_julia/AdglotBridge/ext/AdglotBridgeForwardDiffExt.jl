"The primal values of dual numbers."
module AdglotBridgeForwardDiffExt

import AdglotBridge
import ForwardDiff

AdglotBridge.primal(x::ForwardDiff.Dual) = AdglotBridge.primal(ForwardDiff.value(x))

end
