"""
The primal values of numbers and arrays on ReverseDiff's tape.

Nothing is rehearsed: Julia then writes the types of a tape into the image of this extension, and ends the
process when it loads nearly every second one (JuliaLang/julia#62047).
"""
module AdglotBridgeReverseDiffExt

import AdglotBridge
import ReverseDiff

AdglotBridge.primal(x::ReverseDiff.TrackedReal) = AdglotBridge.primal(ReverseDiff.value(x))
AdglotBridge.plain(x::ReverseDiff.TrackedArray) = AdglotBridge.plain(ReverseDiff.value(x))

end
