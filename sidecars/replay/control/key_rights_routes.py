"""The control API's say about the account's key: what it is told to be allowed to do."""

from aiohttp import web

from sidecars.replay.app_keys import KEY_RIGHTS
from sidecars.replay.binance.key_rights import KeyRights
from sidecars.replay.control.guard import body_of, query_of
from sidecars.replay.control.openapi import Route
from sidecars.replay.control.words import KeyRightsAnswer, NoQuery

PATH = "/key-rights"


def key_rights_routes(app: web.Application) -> list[Route]:
    """Routes over what `app` has under KEY_RIGHTS when they are asked."""

    async def tell(request: web.Request) -> KeyRightsAnswer:
        query_of(request, NoQuery)
        return KeyRightsAnswer(rights=app[KEY_RIGHTS].rights)

    async def change(request: web.Request) -> KeyRightsAnswer:
        app[KEY_RIGHTS].rights = await body_of(request, KeyRights)
        return KeyRightsAnswer(rights=app[KEY_RIGHTS].rights)

    return [
        Route("GET", PATH, "what the key is told to be allowed", tell, KeyRightsAnswer),
        Route(
            "PUT", PATH, "tell other rights; what is left out is as by default", change,
            KeyRightsAnswer, body=KeyRights,
        ),
    ]  # fmt: skip
