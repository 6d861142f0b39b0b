"The primal values of hyper-dual numbers."
module AdglotBridgeHyperHessiansExt

import AdglotBridge
import HyperHessians

AdglotBridge.primal(x::HyperHessians.HyperDual) = AdglotBridge.primal(x.v)

end
