"""Descriptions to vectors, never from the network."""
