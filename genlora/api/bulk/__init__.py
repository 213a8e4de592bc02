"""Many adapters in one pass: from a file of descriptions, or a bank's tasks, to folders or experts."""
