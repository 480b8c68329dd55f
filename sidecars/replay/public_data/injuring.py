"""Carries a fault out on the wire, around a stand-in's answer."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import assert_never

from aiohttp import web

from sidecars.common.clock import Clock
from sidecars.common.observations import MS_PER_DAY
from sidecars.replay.public_data.faults import Fault
from sidecars.replay.public_data.model import StandInAnswer
from sidecars.replay.public_data.spoiling import spoilt

DRIBBLE_SECONDS = 0.1

# The answer that the source gives, or would give, when its clock is shifted by so many ms.
AnswerAt = Callable[[int], StandInAnswer]


async def injured(
    request: web.Request, fault: Fault, answer_at: AnswerAt, clock: Clock, stopping: asyncio.Event
) -> web.StreamResponse:
    """What the client gets. `stopping`: set when the server stops; nothing hangs beyond it."""
    match fault.kind:
        case "rate_limited":
            return _refusal(429, fault, clock)
        case "server_error":
            return _refusal(fault.status, fault, clock)
        case "slow_body":
            return await _dribbled(request, answer_at(0), fault.seconds, stopping)
        case "no_answer":
            await _pause(fault.seconds, stopping)
            return cut(request)
        case "disconnect":
            return cut(request)
        case "from_future":
            return as_response(answer_at(MS_PER_DAY))
        case "yesterday":
            return as_response(answer_at(-MS_PER_DAY))
        case "html":
            page = spoilt(b"", "html")
            return web.Response(body=page, content_type="text/html")
        case "truncated" | "wrong_json" | "nan" | "negative" | "empty":
            answer = answer_at(0)
            body = spoilt(answer.body, fault.kind, fault.bad_number)
            return as_response(StandInAnswer(body, answer.content_type, answer.status))
        case _:
            assert_never(fault.kind)


def as_response(answer: StandInAnswer) -> web.Response:
    return web.Response(
        body=answer.body, status=answer.status, headers={"Content-Type": answer.content_type}
    )


def cut(request: web.Request) -> web.Response:
    """Reset the connection (RST, not FIN). The response returned is heard by nobody."""
    transport = request.transport
    if transport is not None:
        wire = transport.get_extra_info("socket")
        if wire is not None:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


def _refusal(status: int, fault: Fault, clock: Clock) -> web.Response:
    headers = {}
    if fault.kind == "rate_limited" and fault.retry_after == "seconds":
        headers["Retry-After"] = str(fault.retry_after_seconds)
    elif fault.kind == "rate_limited" and fault.retry_after == "date":
        moment = clock.now() + timedelta(seconds=fault.retry_after_seconds)
        headers["Retry-After"] = format_datetime(moment, usegmt=True)
    text = f'{{"error":"{HTTPStatus(status).phrase}"}}'
    return web.Response(status=status, text=text, headers=headers, content_type="application/json")


async def _dribbled(
    request: web.Request, answer: StandInAnswer, seconds: float, stopping: asyncio.Event
) -> web.StreamResponse:
    """Headers at once, then a byte now and then; never the last one before the time is out."""
    response = web.StreamResponse(status=answer.status)
    response.headers["Content-Type"] = answer.content_type
    response.content_length = len(answer.body)
    await response.prepare(request)
    pieces = max(1, min(len(answer.body) - 1, int(seconds / DRIBBLE_SECONDS)))
    with contextlib.suppress(ConnectionError):  # the client has left: nobody to keep waiting
        for place in range(pieces):
            await response.write(answer.body[place : place + 1])
            if await _pause(seconds / pieces, stopping):
                return cut(request)
        await response.write(answer.body[pieces:])
    return response


async def _pause(seconds: float, stopping: asyncio.Event) -> bool:
    """Wait; True if the server stops meanwhile."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
    return stopping.is_set()
