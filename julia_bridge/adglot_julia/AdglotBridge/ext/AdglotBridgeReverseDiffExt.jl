"The primal values of numbers and arrays on ReverseDiff's tape."
module AdglotBridgeReverseDiffExt

import AdglotBridge
import ReverseDiff

AdglotBridge.primal(x::ReverseDiff.TrackedReal) = AdglotBridge.primal(ReverseDiff.value(x))
AdglotBridge.plain(x::ReverseDiff.TrackedArray) = AdglotBridge.plain(ReverseDiff.value(x))

end
