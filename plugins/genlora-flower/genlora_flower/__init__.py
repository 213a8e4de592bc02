"""genlora's federated rounds as a Flower app."""
