"""The guard: one risk brain over all bots, beside them in a process of its own."""
