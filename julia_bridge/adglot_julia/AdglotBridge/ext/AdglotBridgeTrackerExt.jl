"The primal values of numbers and arrays on Tracker's tape, and Tracker rehearsed."
module AdglotBridgeTrackerExt

import AdglotBridge
import PrecompileTools
import Tracker

AdglotBridge.primal(x::Tracker.TrackedReal) = AdglotBridge.primal(Tracker.data(x))
AdglotBridge.plain(x::Tracker.TrackedArray) = AdglotBridge.plain(Tracker.data(x))

PrecompileTools.@compile_workload AdglotBridge.rehearse(@__MODULE__, "Tracker")

end
