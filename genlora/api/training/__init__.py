"""Verbs that train beside `bank train`: rounds over clients."""
