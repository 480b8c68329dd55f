"""The frame of the guard's pages: names, addresses, what is said when something is done."""

import re
from pathlib import Path

from sidecars.common.moments import ms_of
from sidecars.common.pages.site import Frame, SiteParts

# What a page says after something was done; only these words come back from an address.
DONE = {
    "kill": "All new trades are stopped.",
    "resume": "Resumed.",
    "approve": "Approved: the bot may enter once, with its next check.",
    "reject": "Refused: the bot does not enter on this signal.",
    "reconcile": "Compared with the exchanges just now.",
}
FRAME = Frame(
    title="Aquatrade guard",
    pages=(
        ("/", "overview", "Overview"),
        ("/events", "events", "Events"),
        ("/why", "why", "Why no trade?"),
    ),
    footer="Exits are never blocked.",
    home="Back to the overview",
    open="Open the guard",
    lead="How all bots stand together: may they trade, how much of each limit is used, and why.",
    token="Token of the guard",
    token_variable="AQUATRADE_GUARD_TOKEN",
)
PARTS = SiteParts(
    name="guard",
    frame=FRAME,
    folder=Path(__file__).parent,
    style="guard.css",
    paths=frozenset({"/", "/events", "/why", "/kill", "/resume", "/reconcile"}),
    prefixes=("/approvals/",),
    # Our own pages and nothing else.
    next_page=re.compile(r"/(?:events|why|kill|resume)?"),
    filters={"ms": ms_of},
)
