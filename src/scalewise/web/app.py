"""The addresses of the page, and what stands behind each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from scalewise.errors import ScalewiseError
from scalewise.report.html import STYLE
from scalewise.web import answers, asking, planning, suites, uploads
from scalewise.web.desk import Desk
from scalewise.web.guard import Door, Guard
from scalewise.web.render import html
from scalewise.web.shelf import Shelf
from scalewise.web.suites import Suites

STATIC = ("page.css", "upload.js", "ask.js", "live.js")
KINDS = {"css": "text/css", "js": "text/javascript"}


def make_app(shelf: Shelf, door: Door, fitters: int) -> Starlette:
    """The page over one shelf, behind one door. `fitters` questions are worked on at once."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        desk, watched = Desk(shelf, fitters), Suites()
        app.state.shelf, app.state.desk, app.state.suites = shelf, desk, watched
        desk.open()
        yield
        await watched.close()
        await desk.close()

    return Starlette(
        routes=[
            Route("/", asking.start),
            Route("/tables", uploads.upload, methods=["POST"]),
            Route("/folders", uploads.upload_folder, methods=["POST"]),
            Route("/tables/{table}", asking.table),
            Route("/tables/{table}/plan", planning.plan, methods=["POST"]),
            Route("/tables/{table}/ask/{question}", asking.question, methods=["GET"]),
            Route("/tables/{table}/ask/{question}", asking.ask, methods=["POST"]),
            Route("/answers/{answer}", answers.answer),
            Route("/answers/{answer}/report.html", answers.report),
            Route("/answers/{answer}/answer.json", answers.as_json),
            Route("/answers/{answer}/figures/{number:int}.{kind}", answers.figure),
            Route("/answers/{answer}/tables/{number:int}.csv", answers.table_csv),
            Route("/compare", answers.compare),
            Route("/suites/{table}", suites.suite),
            Route("/suites/{table}/events", suites.events),
            Route("/suites/{table}/{change:str}", suites.change, methods=["POST"]),
            Route("/static/{name}", static),
        ],
        middleware=[Middleware(Guard, door=door)],
        exception_handlers={ScalewiseError: wrong, HTTPException: wrong, ClientDisconnect: gone},
        lifespan=lifespan,
    )


async def static(request: Request) -> Response:
    """One of the few files that are part of the page; nothing is looked up on disk by a name from outside."""
    name = request.path_params["name"]
    if name == "figures.js":
        text = await request.app.state.desk.figure_script()
    elif name == "answer.css":
        text = STYLE
    elif name in STATIC:
        text = files("scalewise.web").joinpath("static", name).read_text(encoding="utf-8")
    else:
        raise HTTPException(404)
    kind = KINDS[name.rpartition(".")[2]]
    return Response(text, media_type=kind, headers={"cache-control": "private, max-age=3600"})


async def gone(request: Request, error: Exception) -> Response:
    """A client that left while it was still sending; nobody hears the reply."""
    return Response(status_code=499)


async def wrong(request: Request, error: Exception) -> Response:
    """One sentence: as a page for a person, as plain text for a script."""
    sentence, status = str(error), 422
    if isinstance(error, HTTPException):
        sentence, status = f"{error.detail}: there is nothing at this address.", error.status_code
    if "text/html" in request.headers.get("accept", "") and request.method == "GET":
        return html("wrong.html", status, sentence=sentence)
    return PlainTextResponse(sentence, status)
