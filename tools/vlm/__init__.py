"""Models that see: what is sent, what it costs, and the backends."""
