"""What the guard cannot do, said to whoever asked."""


class GuardRefusal(Exception):  # noqa: N818  # it is an answer, not a fault
    """What cannot be done; status: 404 or 409 for HTTP; the text is one line."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class StoreError(Exception):
    """Nothing can be kept at present, so nothing is promised; the text is one line."""
