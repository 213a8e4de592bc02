"""Commands that train beside `genlora bank train`."""
