"""Steps by number on Lightning Fabric: how a run goes on, how it ends, and its safe checkpoints."""
