"""What a warning code means: its page of the documentation as HTML, so that a report can carry it."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[3] / "docs" / "warnings"


@cache
def explanation(code: str) -> str:
    """The page of a code without its heading, as HTML without links; empty where there is none."""
    from markdown_it import MarkdownIt

    text = _page(code)
    if not text:
        return ""
    body = text.partition("\n")[2]
    parser = MarkdownIt("commonmark", {"html": False}).disable(["link", "image", "autolink"])
    html: str = parser.render(_without_links(body))
    for level in ("2", "3"):  # below the answer's own headings
        html = html.replace(f"<h{level}>", "<h4>").replace(f"</h{level}>", "</h4>")
    return html


def _page(code: str) -> str:
    """An installed package carries the pages; a checkout has them among its documentation."""
    installed: Any = files("scalewise").joinpath("warnings", f"{code}.md")
    for place in (installed, CHECKOUT / f"{code}.md"):
        if place.is_file():
            text: str = place.read_text(encoding="utf-8")
            return text
    return ""


def _without_links(text: str) -> str:
    """`[name](page.md)` becomes `name`: the file stands alone."""
    import re

    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)
