"Tells the packages that follow ChainRules (Zygote, Diffractor) what has no derivative."
module AdglotBridgeChainRulesCoreExt

import AdglotBridge
import ChainRulesCore

ChainRulesCore.@non_differentiable AdglotBridge.frozen(::Any...)
ChainRulesCore.@non_differentiable AdglotBridge.primal(::Any)

end
