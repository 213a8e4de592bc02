"""genlora turns a sentence into a LoRA adapter."""
