"""A grid of buys and sells around a price: its arithmetic, its state, and what it wants. Pure."""
