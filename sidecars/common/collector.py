"""Python's garbage collector in a process that holds much for long."""

import gc


def keep_what_lives() -> None:
    """Keep the collector from looking again and again at what was loaded and stays.

    To be called once, when a service has caught up: a full collection stops every thread, for
    half a second with years of records in memory.
    """
    gc.collect()
    gc.freeze()
