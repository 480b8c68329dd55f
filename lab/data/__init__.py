"""Recorded candles: what is in a freqtrade folder, whether it can be believed, what it lacks."""
