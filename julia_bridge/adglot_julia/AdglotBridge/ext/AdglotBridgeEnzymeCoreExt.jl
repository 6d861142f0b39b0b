"Tells Enzyme what has no derivative."
module AdglotBridgeEnzymeCoreExt

import AdglotBridge
import EnzymeCore

EnzymeCore.EnzymeRules.inactive(::typeof(AdglotBridge.frozen), args...) = nothing

end
