"""Networks that make factors; what trains them is `genlora.train`."""
