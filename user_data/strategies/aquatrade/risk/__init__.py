"""The risk rules: pure functions of what is known, the same in every bot and in the guard.

Nothing in here imports freqtrade, reads a clock or does I/O.
"""
