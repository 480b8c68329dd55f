"""The description of the guard's HTTP interface, served at /openapi.json."""

from pydantic import BaseModel

from sidecars.common.openapi_parts import (
    ERROR,
    MOMENT,
    Schema,
    answer,
    get,
    list_of,
    object_of,
    parameter,
    without_token,
)
from sidecars.guard.bodies import (
    AnswerBody,
    CheckBody,
    EmptyBody,
    EventsBody,
    KillBody,
    ReleaseBody,
    ResumeBody,
)
from sidecars.guard.danger import DangerStatus
from sidecars.guard.model import ApprovalStatus, GuardState

_TEXT: Schema = {"type": "string"}
_MAYBE_TEXT: Schema = {"type": ["string", "null"]}
_MAYBE_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
_NUMBER: Schema = {"type": "number"}
_MAYBE_NUMBER: Schema = {"type": ["number", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FLAG: Schema = {"type": "boolean"}
_STATE: Schema = {"type": "string", "enum": [each.value for each in GuardState]}
_DECISION: Schema = {"type": "string", "enum": ["APPROVE", "REDUCE", "REJECT"]}
_NUMBERS: Schema = {"type": "object", "additionalProperties": _NUMBER}
_ANYTHING: Schema = {"type": "object"}

_REASON = object_of(
    {"rule": _TEXT, "decision": _DECISION, "text": _TEXT, "value": _MAYBE_NUMBER,
     "limit": _MAYBE_NUMBER}
)  # fmt: skip
_CHECK = object_of(
    {
        "bot": _TEXT,
        "pair": _TEXT,
        "decision": _DECISION,
        "stake": _NUMBER,
        "reasons": list_of(_REASON),
        "reservation": _MAYBE_TEXT,
        "expires": _MAYBE_MOMENT,
        "state": _STATE,
        "approval": _MAYBE_TEXT,
        "paper": _FLAG,
    }
)
_EVENT = object_of(
    {
        "seq": _COUNT,
        "hash": _TEXT,
        "at": MOMENT,
        "origin": _TEXT,
        "kind": _TEXT,
        "text": _TEXT,
        "pair": _MAYBE_TEXT,
        "candle": _MAYBE_MOMENT,
        "data": _ANYTHING,
        "origin_seq": {"type": ["integer", "null"]},
    }
)
_APPROVAL = object_of(
    {
        "id": _TEXT,
        "bot": _TEXT,
        "pair": _TEXT,
        "side": _TEXT,
        "candle": MOMENT,
        "stake": _NUMBER,
        "rate": _NUMBER,
        "reasons": list_of(_REASON),
        "asked_at": MOMENT,
        "expires_at": MOMENT,
        "status": {"type": "string", "enum": [each.value for each in ApprovalStatus]},
        "answered_at": _MAYBE_MOMENT,
        "answered_by": _MAYBE_TEXT,
    }
)
_LIMIT = object_of(
    {"rule": _TEXT, "value": _MAYBE_NUMBER, "limit": _NUMBER, "unit": _TEXT, "text": _TEXT,
     "share": _MAYBE_NUMBER}
)  # fmt: skip
_DANGER = object_of(
    {"status": {"type": "string", "enum": [each.value for each in DangerStatus]}, "text": _TEXT,
     "refuses": _FLAG, "as_of": _MAYBE_MOMENT}
)  # fmt: skip
_STATE_ANSWER = object_of(
    {
        "state": _STATE,
        "reasons": list_of(_TEXT),
        "since": MOMENT,
        "trips": list_of(_ANYTHING),
        "kill": {"type": ["object", "null"]},
        "recovery_until": _MAYBE_MOMENT,
        "recovery_factor": _NUMBER,
        "mismatches": list_of(_ANYTHING),
        "reconciled_at": _MAYBE_MOMENT,
        "reconcile_errors": {"type": "object", "additionalProperties": _TEXT},
        "profile": _TEXT,
        "danger": _DANGER,
        "held": list_of(_ANYTHING),
        "stake_currency": _TEXT,
        "bots": list_of(_ANYTHING),
        "limits": list_of(_LIMIT),
    }
)
_BOOK = object_of(
    {
        "at": MOMENT,
        "equity": _NUMBER,
        "free": _NUMBER,
        "profit": _NUMBER,
        "capital": _NUMBER,
        "reserve": _NUMBER,
        "at_stake_by_bot": _NUMBERS,
        "exposure_by_asset": _NUMBERS,
        "exposure_by_exchange": _NUMBERS,
        "profit_by_bot": _NUMBERS,
        "profit_day": _MAYBE_NUMBER,
        "profit_week": _MAYBE_NUMBER,
        "profit_month": _MAYBE_NUMBER,
        "positions": list_of(_ANYTHING),
        "reservations": list_of(_ANYTHING),
    }
)
_RECONCILIATION = object_of(
    {"passed": _FLAG, "at": MOMENT, "mismatches": list_of(_ANYTHING),
     "errors": {"type": "object", "additionalProperties": _TEXT}}
)  # fmt: skip
_REFUSALS: Schema = {
    "400": answer("What was sent is wrong; the message says what", ERROR),
    "401": answer("No token, or a wrong one", ERROR),
    "403": answer("This token does not open this", ERROR),
}
_NOT_KEPT: Schema = {"503": answer("Nothing can be kept at present: nothing has changed", ERROR)}
_UNKNOWN: Schema = {"404": answer("There is no such thing", ERROR)}
_TOO_LATE: Schema = {"409": answer("That cannot be done any more, or not yet", ERROR)}


def openapi_document(version: str) -> Schema:
    """The OpenAPI 3.1 document."""
    events = answer("Events, oldest first if not asked for", object_of({"events": list_of(_EVENT)}))
    bot = parameter("bot", _TEXT, "only what the bot said, or what is about it")
    pair = parameter("pair", {"type": "string", "example": "BTC/USDT"}, "only of a pair")
    health = object_of({"status": _TEXT, "now": MOMENT, "state": _STATE, "reasons": list_of(_TEXT)})
    return {
        "openapi": "3.1.0",
        "info": {"title": "Aquatrade: guard", "version": version},
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
        "paths": {
            "/v1/checks": _post(
                "May this entry be made? With a yes comes a reservation.",
                CheckBody,
                {"200": answer("The verdict, with every reason", _CHECK), **_UNKNOWN, **_NOT_KEPT},
            ),
            "/v1/reservations/{id}/release": _post(
                "Give a reservation back",
                ReleaseBody,
                {
                    "200": answer("Given back", object_of({"released": _FLAG})),
                    **_UNKNOWN,
                    **_NOT_KEPT,
                },
                "id",
            ),
            "/v1/events": {
                **get(
                    "The log, in its order or from its end",
                    {"200": events, **_REFUSALS},
                    [
                        parameter("after", _COUNT, "only those with a higher seq"),
                        parameter("newest", {"type": "string", "enum": ["0", "1"]},
                                  "1: the newest ones, newest first; `after` is not looked at"),
                        parameter("limit", {"type": "integer", "minimum": 1, "maximum": 1000},
                                  "so many at most, 100 if not given"),
                        parameter("kind", _TEXT, "only of a kind"),
                        bot,
                        pair,
                    ],
                ),
                **_post(
                    "Events of a bot; what is there already is skipped",
                    EventsBody,
                    {
                        "200": answer("Kept", object_of({"stored_until": _COUNT})),
                        **_UNKNOWN,
                        **_NOT_KEPT,
                    },
                ),
            },
            "/v1/state": get(
                "The state, and all that stands against entries",
                {"200": answer("State, bots and limits", _STATE_ANSWER), **_REFUSALS},
            ),
            "/v1/book": get(
                "The money of all bots",
                {"200": answer("The book", _BOOK), **_REFUSALS},
                [parameter("paper", {"type": "string", "enum": ["0", "1"]},
                           "1: as if paper bots were real")],
            ),
            "/v1/why": get(
                "All that was said about a candle",
                {"200": events, **_REFUSALS},
                [
                    {**pair, "required": True},
                    parameter("candle", MOMENT, "its open", required=True),
                    bot,
                ],
            ),
            "/v1/approvals": get(
                "Entries that wait for a person, and those of the last day",
                {"200": answer("Approvals", object_of({"approvals": list_of(_APPROVAL)})),
                 **_REFUSALS},
            ),
            "/v1/approvals/{id}": _post(
                "Yes or no",
                AnswerBody,
                {"200": answer("Kept", _APPROVAL), **_UNKNOWN, **_TOO_LATE, **_NOT_KEPT},
                "id",
            ),
            "/v1/kill": _post(
                "Turn the kill switch on",
                KillBody,
                {"200": answer("On. not_kept: why it would not outlive a restart",
                               object_of({"state": _STATE, "not_kept": _MAYBE_TEXT}))},
            ),
            "/v1/resume": _post(
                'Lift trips by hand, or the kill switch (rule "kill")',
                ResumeBody,
                {
                    "200": answer("Lifted", object_of({"lifted": list_of(_TEXT), "state": _STATE})),
                    **_TOO_LATE,
                    **_NOT_KEPT,
                },
            ),
            "/v1/reconcile": _post(
                "Look at the exchanges now",
                EmptyBody,
                {"200": answer("What was found", _RECONCILIATION), **_NOT_KEPT},
            ),
            "/health": without_token(get("How the guard is", {"200": answer("Health", health)})),
        },
    }  # fmt: skip


def _post(summary: str, body: type[BaseModel], answers: Schema, in_path: str = "") -> Schema:
    schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
    schema = _inlined(schema, schema.pop("$defs", {}))
    path = {"name": in_path, "in": "path", "required": True, "schema": _TEXT}
    return {
        "post": {
            "summary": summary,
            "parameters": [path] if in_path else [],
            "requestBody": {"content": {"application/json": {"schema": schema}}},
            "responses": {**answers, **_REFUSALS},
        }
    }


def _inlined(schema: Schema, definitions: Schema) -> Schema:
    """The schema with what it refers to in its place."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _inlined(definitions[name], definitions)
    return {
        key: _inlined(value, definitions) if isinstance(value, dict) else value
        for key, value in schema.items()
    }
