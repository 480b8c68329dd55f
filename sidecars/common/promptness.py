"""What keeps a service prompt that holds much and computes in threads beside its event loop."""

import gc
import sys

# A thread that computes is asked to let others go on after so long: the event loop waits for it
# at every turn that it takes meanwhile. Python's own 5 ms make 50 ms of ten turns.
SWITCH_SECONDS = 0.0005


def share_fairly() -> None:
    """Have threads that compute give way to the event loop soon. To be called at the start."""
    sys.setswitchinterval(SWITCH_SECONDS)


def keep_what_lives() -> None:
    """Keep the garbage collector from looking again and again at what was loaded and stays.

    To be called once, when a service has caught up: a full collection stops every thread, for
    half a second with years of records in memory.
    """
    gc.collect()
    gc.freeze()
