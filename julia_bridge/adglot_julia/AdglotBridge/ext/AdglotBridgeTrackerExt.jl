"The primal values of numbers and arrays on Tracker's tape."
module AdglotBridgeTrackerExt

import AdglotBridge
import Tracker

AdglotBridge.primal(x::Tracker.TrackedReal) = AdglotBridge.primal(Tracker.data(x))
AdglotBridge.plain(x::Tracker.TrackedArray) = AdglotBridge.plain(Tracker.data(x))

end
