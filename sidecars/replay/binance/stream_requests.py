"""What a client may say on a websocket, and Binance's words for what it may not. Pure."""

from dataclasses import dataclass

import orjson

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
MAX_ID_LENGTH = 36

RequestId = int | str | None


class StreamRequestError(Exception):
    """A request that cannot be served; `code` and the text are Binance's."""

    def __init__(self, code: int, message: str, request_id: RequestId = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id


@dataclass(frozen=True, slots=True)
class StreamRequest:
    method: str
    parameters: list[object]
    request_id: RequestId

    def streams(self) -> list[str]:
        """The parameters as stream names. Raises StreamRequestError."""
        names = [name for name in self.parameters if isinstance(name, str)]
        if not names or len(names) < len(self.parameters):
            raise StreamRequestError(
                2, "Invalid request: expected a list of stream names in `params`", self.request_id
            )
        return names

    def combined(self) -> bool | None:
        """The value that SET_PROPERTY gives `combined`, None for GET_PROPERTY."""
        expected = 2 if self.method == "SET_PROPERTY" else 1
        if not self.parameters or not isinstance(self.parameters[0], str):
            raise StreamRequestError(
                2, "Invalid request: property name must be a string", self.request_id
            )
        if self.parameters[0] != "combined":
            raise StreamRequestError(0, "Unknown property", self.request_id)
        if len(self.parameters) > expected:
            raise StreamRequestError(2, "Invalid request: too many parameters", self.request_id)
        if self.method == "GET_PROPERTY":
            return None
        value = self.parameters[-1]
        if not isinstance(value, bool):
            raise StreamRequestError(1, "Invalid value type: expected Boolean", self.request_id)
        return value


def parse_request(text: str | bytes) -> StreamRequest:
    """Raises StreamRequestError for anything that is not a request."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise StreamRequestError(
            3, f"Invalid JSON: expected value at line {error.lineno} column {error.colno}"
        ) from error
    if not isinstance(message, dict):
        raise StreamRequestError(2, "Invalid request: expected an object")
    request_id = _request_id(message.get("id"))
    if "method" not in message:
        raise StreamRequestError(2, "Invalid request: missing field `method`", request_id)
    method = message["method"]
    if method not in METHODS:
        expected = ", ".join(f"`{name}`" for name in METHODS)
        raise StreamRequestError(
            2, f"Invalid request: unknown variant {method}, expected one of {expected}", request_id
        )
    parameters = message.get("params", [])
    if not isinstance(parameters, list):
        raise StreamRequestError(2, "Invalid request: `params` must be a list", request_id)
    return StreamRequest(method, parameters, request_id)


def _request_id(value: object) -> RequestId:
    is_text = isinstance(value, str) and value.isalnum() and len(value) <= MAX_ID_LENGTH
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if value is None or is_text or is_number:
        return value  # type: ignore[return-value]
    raise StreamRequestError(2, "Invalid request: request ID must be an unsigned integer")
