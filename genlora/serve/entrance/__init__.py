"""Who comes in and how much of it: keys, quotas, bodies, connections, the audit's lines."""
