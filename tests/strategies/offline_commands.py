"""Several freqtrade commands one after the other in one process, with markets from a list.

python -m tests.strategies.offline_commands PAIR[,PAIR...] '[["backtesting", "-c", ...], ...]'
"""

import json
import sys

from lab.evidence_runner import offline_markets

if __name__ == "__main__":  # hyperopt's workers import this module again
    from freqtrade.main import main

    with offline_markets(sys.argv[1].split(",")):
        for arguments in json.loads(sys.argv[2]):
            try:
                main(arguments)
            except SystemExit as end:
                # To both streams, in step with what the command wrote.
                for stream in (sys.stdout, sys.stderr):
                    stream.write(f"<{arguments[0]}: {end.code or 0}>\n")
                    stream.flush()
