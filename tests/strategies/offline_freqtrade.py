"""`freqtrade ...` for tests: the real program, with markets from a list in place of an exchange.

python -m tests.strategies.offline_freqtrade PAIR[,PAIR...] COMMAND ARGS...
"""

import sys

from lab.evidence_runner import offline_markets

if __name__ == "__main__":  # hyperopt's workers import this module again
    from freqtrade.main import main

    with offline_markets(sys.argv[1].split(",")):
        main(sys.argv[2:])
