"""Rows and turns as batches, the loss at each label, and adapters whose factors have gradients."""
