"""The conformance kit: what can an engine do, and is it right? For authors of engines.

`examine` asks any engine (built in, from an entry point, or behind an address) for every op of
the table at every sample, and for a few whole functions, and cross-checks each answer.
"""

from adglot.conformance.capabilities import Capabilities, Capability, Status
from adglot.conformance.examine import examine

__all__ = ["Capabilities", "Capability", "Status", "examine"]
