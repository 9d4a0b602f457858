"""What clients send, bounded in size and in time, so that none can fill the memory or hold a place for ever."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.requests import Request

from scalewise.errors import ScalewiseError

FORM_BYTES = 64 * 1024
FORM_FIELDS = 200
FORM_SECONDS = 10.0
UPLOAD_BYTES = 128 * 1024 * 1024
UPLOAD_SECONDS = 120.0

Fields = list[tuple[str, str]]


class TooMuch(ScalewiseError):
    """A body that is too long, or comes too slowly."""


async def form_fields(request: Request) -> Fields:
    """The names and values of an URL-encoded form, in order. Raises TooMuch."""
    async with in_time(FORM_SECONDS):
        body = b"".join([piece async for piece in pieces(request, FORM_BYTES)])
    try:
        return parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True, max_num_fields=FORM_FIELDS)
    except ValueError:
        raise TooMuch(f"a form may have {FORM_FIELDS} fields at most.") from None


async def save_body(request: Request, path: Path, most: int = UPLOAD_BYTES) -> None:
    """Write a body to a file as it comes. Raises TooMuch; nothing is left behind then."""
    try:
        async with in_time(UPLOAD_SECONDS):
            with path.open("xb") as file:
                async for piece in pieces(request, most):
                    file.write(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


async def pieces(request: Request, most: int) -> AsyncIterator[bytes]:
    """A body as it comes. Raises TooMuch once it is longer than `most` bytes."""
    declared = request.headers.get("content-length", "0")
    size = int(declared) if declared.isdecimal() else 0
    if size <= most:
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > most:
                break
            yield piece
    if size > most:
        raise TooMuch(f"this is larger than {most / 2**20:,.3g} MB, the most that is taken here.")


class in_time:
    """`asyncio.timeout` that says what took too long."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.timeout = seconds, asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self.timeout.__aenter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            await self.timeout.__aexit__(kind, error, trace)  # type: ignore[arg-type]
        except TimeoutError:
            raise TooMuch(f"it took longer than {self.seconds:.0f} seconds to arrive.") from None
