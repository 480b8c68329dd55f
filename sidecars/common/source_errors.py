"""How a source fails."""


class SourceError(Exception):
    """The source gave nothing usable; the text is one line that says why, without any secret.

    kind: "unavailable" (connection, time-out, 5xx), "limited" (429), "refused" (401, 403, other
    4xx) or "malformed" (shape, range, time).
    """

    def __init__(self, message: str, kind: str = "unavailable") -> None:
        super().__init__(message)
        self.kind = kind
