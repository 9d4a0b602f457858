"""Pages from templates; those of the report are among them."""

from functools import cache

import jinja2
from starlette.responses import HTMLResponse


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader("scalewise.web"), jinja2.PackageLoader("scalewise.report")]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def html(template: str, status: int = 200, **shown: object) -> HTMLResponse:
    return HTMLResponse(_templates().get_template(template).render(**shown), status)
