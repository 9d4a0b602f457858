"""The page's road from a file to an answer, what it refuses, and that no text of a user becomes markup."""

import re
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

import scalewise as sw
from scalewise.questions import QUESTIONS
from scalewise.web import bodies
from scalewise.web.forms import fields_of, options_in
from scalewise.web.guard import Door
from scalewise.web.shelf import Shelf

HOSTILE = "<script>alert(1)</script>"


def sent(page: TestClient, name: str, text: str) -> str:
    """Upload a table; its address."""
    reply = page.post("/tables", params={"name": name}, content=text.encode())
    assert reply.status_code == 200, reply.text
    address: str = reply.json()["to"]
    return address


def test_from_a_file_to_an_answer_and_its_files(page: TestClient, table: str, tmp_path: Path) -> None:
    address = sent(page, "mine.csv", table)
    assert "24 rows, 24 runs, 4 sizes" in page.get(address).text
    reply = page.post(f"{address}/ask/equal-compute", data={"o.seed": "3"})
    assert reply.status_code == 200
    (tmp_path / "mine.csv").write_text(table)
    answer = sw.ask("equal-compute", str(tmp_path / "mine.csv"), seed=3)
    assert answer.sentence in unescape(reply.text)
    key = re.search(r'data-key="(\w+)"', reply.text)[1]  # type: ignore[index]
    kept = page.get(f"/answers/{key}/answer.json")
    assert sw.Answer.from_json(kept.text).findings == answer.findings
    assert "scalewise ask equal-compute mine.csv --seed 3" in kept.text
    report = page.get(f"/answers/{key}/report.html")
    assert "attachment" in report.headers["content-disposition"]
    assert answer.sentence in unescape(report.text)
    assert page.get(f"/answers/{key}/figures/0.pdf").content.startswith(b"%PDF-")
    assert b"[0 0 237.6 " in page.get(f"/answers/{key}/figures/0.pdf?width=3.3").content
    for wrong, status in (("nan", 422), ("0", 422), ("wide", 404)):
        assert page.get(f"/answers/{key}/figures/0.pdf?width={wrong}").status_code == status
    assert page.get(f"/answers/{key}/figures/9.pdf").status_code == 422
    assert page.get(f"/answers/{key}/tables/0.csv").text.startswith(",".join(answer.findings[0].columns))
    assert answer.sentence in unescape(page.get(f"/answers/{key}").text)
    assert page.get("/compare", params={"a": key, "b": key}).text.count('class="answer"') == 2
    assert f"/answers/{key}" in page.get("/").text
    known = page.get(f"{address}/ask/equal-compute", params={"o.seed": "3"})
    assert answer.sentence in unescape(known.text)  # shown at once, not asked again


def test_a_column_can_be_named(page: TestClient, table: str) -> None:
    address = sent(page, "odd.csv", table.replace("params", "n_weights"))
    assert page.post(f"{address}/ask/equal-compute").status_code == 422
    assert page.post(f"{address}/ask/equal-compute", data={"c.params": "n_weights"}).status_code == 200
    assert "params (trainable parameters) is column" in page.get(address, params={"c.params": "n_weights"}).text


def test_wrong_options_get_one_sentence(page: TestClient) -> None:
    for data, said in (
        ({"o.tolerance": "5"}, "for 5 per cent write 0.05"),
        ({"o.flops": "lots"}, "flops cannot be &#39;lots&#39;"),
        ({"where": "nope == 1"}, "there is no column"),
    ):
        reply = page.post("/tables/smol/ask/model-size", data=data)
        assert reply.status_code == 422
        assert said.replace("&#39;", "'") in reply.text
    assert page.post("/tables/smol/ask/no-such-question").status_code == 404


def test_what_is_no_table_is_refused_and_not_kept(page: TestClient) -> None:
    for name, content in (("x.csv", b""), ("x.pkl", b"\x80\x04."), ("x.exe", b"MZ"), ("", b"a")):
        reply = page.post("/tables", params={"name": name}, content=content)
        assert reply.status_code == 422, name
        assert "Traceback" not in reply.text
    assert "x.pkl" not in page.get("/").text


def test_uploads_are_bounded(page: TestClient, table: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bodies.save_body, "__defaults__", (100,))
    reply = page.post("/tables", params={"name": "large.csv"}, content=table.encode())
    assert reply.status_code == 422
    assert "the most that is taken" in reply.text
    assert "large.csv" not in page.get("/").text
    shelf = Shelf(tmp_path, None, lasting=False)
    shelf.uploads.mkdir()
    for number in range(50):
        (shelf.uploads / f"{number}.csv").write_text("a")
    with pytest.raises(sw.ScalewiseError, match="50 files were uploaded"):
        shelf.place_for("one-more.csv")


def test_a_client_that_leaves_while_it_sends_is_no_fault_of_ours(page: TestClient, door: Door) -> None:
    told: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        told.append(message)

    headers = [(b"host", f"127.0.0.1:{door.port}".encode()), (b"authorization", f"Bearer {door.token}".encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/tables/smol/ask/audit",
        "query_string": b"",
        "headers": headers,
    }
    assert page.portal is not None
    page.portal.call(page.app, scope, receive, send)
    assert told[0]["status"] == 499


def test_the_address_of_a_corrected_table_holds_only_what_says_something(page: TestClient) -> None:
    reply = page.get("/tables/smol?c.params=&c.loss=loss&where=&flops_by=given")
    assert (reply.status_code, reply.headers["location"]) == (303, "/tables/smol?c.loss=loss")


def test_forms_are_bounded(page: TestClient) -> None:
    assert page.post("/tables/smol/ask/audit", content=b"a" * 70_000).status_code == 422
    assert page.post("/tables/smol/ask/audit", content=b"a=1&" * 300).status_code == 422


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\x.csv", "/etc/shadow", ".bashrc", "-rf.csv", "a\0b.csv", "…"]
)
def test_an_uploaded_name_cannot_lead_elsewhere(tmp_path: Path, name: str) -> None:
    shelf = Shelf(tmp_path, None, lasting=False)
    place = shelf.place_for(name)
    assert place.parent == shelf.uploads
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", place.name)


def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.csv").write_text("params,loss\n1,2\n")
    (tmp_path / "in" / "link.csv").symlink_to(tmp_path / "secret.csv")
    (tmp_path / "in" / "mine.csv").write_text("params,loss\n1,2\n")
    shelf = Shelf(tmp_path / "in", str(tmp_path / "in"), lasting=True)
    assert [table.name for table in shelf.tables().values()] == [
        "mine.csv",
        "smol, an embedded suite",
        "recipe-flip, an embedded suite",
    ]


def test_text_of_a_user_never_becomes_markup(page: TestClient, table: str) -> None:
    hostile = table.replace("r1e+06-", HOSTILE).replace("seed", f"{HOSTILE}")
    address = sent(page, f"{HOSTILE}.csv", hostile)
    pages = [page.get(address).text, page.get("/").text, page.get(address, params={"where": f"'{HOSTILE}'"}).text]
    answer = page.post(f"{address}/ask/audit").text
    form = page.get(f"{address}/ask/model-size", params={"o.flops": f'">{HOSTILE}', "where": f'">{HOSTILE}'}).text
    for text in (*pages, answer, form):
        assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)" in pages[0]


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda question: question.name)
def test_every_question_has_a_form_of_its_own_options(question: sw.questions.Question) -> None:
    fields = fields_of(question, [])
    shown = {name for name, declared in question.options.items() if not declared.for_programs}
    assert {field.name.removeprefix("o.") for field in fields} == shown
    assert options_in(question, [(field.name, field.value) for field in fields]) == {}


def test_a_filled_form_becomes_options() -> None:
    options = options_in(QUESTIONS["gains"], [("o.change", "warmup\nema"), ("o.effect", "1e-2"), ("o.seed", "0")])
    assert options == {"change": ["warmup", "ema"], "effect": 0.01}
