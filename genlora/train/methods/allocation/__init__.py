"""Which modules get which rank."""
