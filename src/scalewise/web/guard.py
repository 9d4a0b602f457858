"""Who may come in: the Host and Origin of every request are checked, and a token that only the starter knows.

A page elsewhere on the web can make a browser send requests here. It cannot give them our Host (checked against DNS
rebinding), our Origin, nor the cookie, which is SameSite=Strict.
"""

import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")
SAFE_METHODS = ("GET", "HEAD")
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Door:
    """The address that is served, and the token that opens it. `names` are host names a person may type for it."""

    port: int
    names: tuple[str, ...] = LOCAL_NAMES
    any_address: bool = False
    """Whether addresses in numbers are accepted beside the names: a rebound name is never one."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def cookie(self) -> str:
        """Browsers share cookies between ports, so that the port is part of the name."""
        return f"scalewise-{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.names[0]}:{self.port}/?token={self.token}"

    def is_here(self, host: str) -> bool:
        name, colon, port = host.rpartition(":")
        if not colon or port != str(self.port):
            return False
        return name in self.names or (self.any_address and _is_address(name.strip("[]")))

    def opens(self, token: str | None) -> bool:
        return token is not None and secrets.compare_digest(token.encode(), self.token.encode())


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """Stands before the whole application; adds the security headers to every response."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _guard_headers(message)
            await send(message)

        refusal = self._refusal(Request(scope))
        await (refusal or self.app)(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        if self.door.opens(request.headers.get("authorization", "").removeprefix("Bearer ")):
            opened = True
        elif request.method in SAFE_METHODS or "origin" in request.headers:
            opened = self.door.opens(request.cookies.get(self.door.cookie))
        else:
            return PlainTextResponse("A change needs the Origin of this page, or the token as a bearer.", 403)
        if wrong := self._wrong_side(request):
            return PlainTextResponse(wrong, 403)
        if not opened and request.method in SAFE_METHODS and self.door.opens(request.query_params.get("token")):
            return self._let_in(request)
        return None if opened else PlainTextResponse("This page opens with the address that serve printed.", 403)

    def _wrong_side(self, request: Request) -> str:
        """What shows that a request was not made by this page, or by a person who typed its address."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if not self.door.is_here(host):
            return "This server answers only to the address it was started at."
        is_ours = origin in (None, f"http://{host}")
        if not is_ours or request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return "Requests from other sites are refused."
        return ""

    def _let_in(self, request: Request) -> Response:
        """The token moves from the address, which is seen and kept, into a cookie that no script can read."""
        others = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
        path = "/" + request.url.path.lstrip("/\\")
        response = RedirectResponse(path + (f"?{urlencode(others)}" if others else ""), 303)
        response.set_cookie(self.door.cookie, self.door.token, httponly=True, samesite="strict", path="/")
        return response


def _guard_headers(message: MutableMapping[str, Any]) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers[name] = value
    headers.setdefault("cache-control", "no-store")
