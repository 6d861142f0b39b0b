"""The service and its clients: the embedded one, and real servers on loopback."""
