"Tells Mooncake what has no derivative."
module AdglotBridgeMooncakeExt

import AdglotBridge
import Mooncake

Mooncake.@zero_derivative Mooncake.DefaultCtx Tuple{typeof(AdglotBridge.frozen),Vararg}

end
