"Tells Mooncake what has no derivative. A rehearsal saves nothing: it compiles each graph anew."
module AdglotBridgeMooncakeExt

import AdglotBridge
import Mooncake

Mooncake.@zero_derivative Mooncake.DefaultCtx Tuple{typeof(AdglotBridge.frozen),Vararg}
Mooncake.@zero_derivative Mooncake.DefaultCtx Tuple{AdglotBridge.Stepwise,Vararg}

end
