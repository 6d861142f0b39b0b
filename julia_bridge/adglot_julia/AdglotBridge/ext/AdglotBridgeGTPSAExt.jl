"The primal values of truncated power series."
module AdglotBridgeGTPSAExt

import AdglotBridge
import GTPSA

AdglotBridge.primal(x::GTPSA.TPS) = GTPSA.scalar(x)

end
