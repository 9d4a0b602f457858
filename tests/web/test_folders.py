"""Folders of logs, zip files of them, and studies: read like anything else, bounded, never run, and never written
outside their own folder.
"""

import contextlib
import io
import json
import stat
import zipfile
from html import unescape
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

import scalewise as sw
from scalewise.web import folders
from scalewise.web.folders import inner_path, unpack
from scalewise.web.shelf import Shelf

ROOT = Path(__file__).resolve().parents[2]
TRAINER = ROOT / "tests" / "runs" / "readers" / "fixtures" / "trainer"
Files = dict[str, bytes]


@pytest.fixture
def logs() -> Files:
    """Three runs of the Hugging Face Trainer as it wrote them, and a word of explanation."""
    written = {path.relative_to(TRAINER).as_posix(): path.read_bytes() for path in TRAINER.rglob("*") if path.is_file()}
    return {"notes.txt": b"three runs"} | written


def framed(files: Files, sizes: list[int] | None = None) -> bytes:
    """A folder as the page's script sends it."""
    listed = [[name, len(content)] for name, content in files.items()]
    if sizes is not None:
        listed = [[name, size] for (name, _), size in zip(listed, sizes, strict=True)]
    return json.dumps(listed).encode() + b"\n" + b"".join(files.values())


def zipped(files: Files) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


def test_a_folder_and_a_zip_of_it_are_read_as_they_lie(page: TestClient, logs: Files) -> None:
    expected = sw.read(str(TRAINER))
    packed = zipped({f"logs/{name}": content for name, content in logs.items()} | {"__MACOSX/._x": b"x"})
    for reply in (
        page.post("/folders", params={"name": "my logs"}, content=framed(logs)),
        page.post("/tables", params={"name": "packed.zip"}, content=packed),
    ):
        assert reply.status_code == 200, reply.text
        seen = unescape(page.get(reply.json()["to"]).text)
        assert f"{len(expected)} rows, 3 runs, 3 sizes" in seen
        for line in expected.reading[1:]:  # the first names the files
            assert line in seen
        assert "1 files of no known format: notes.txt" in seen
    start = page.get("/").text
    assert "packed.zip" not in start
    assert ">packed</a>" in start
    assert ">my_logs</a>" in start


def test_what_is_no_log_is_refused_and_not_kept(page: TestClient) -> None:
    for address, name, body in (
        ("/folders", "words", framed({"a.txt": b"no log"})),
        ("/folders", "nothing", framed({})),
        ("/folders", "cut", framed({"a.csv": b"params,loss\n"}, [400])),
        ("/folders", "negative", framed({"a.csv": b"params,loss\n"}, [-1])),
        ("/folders", "unlisted", b"params,loss\n1,2\n"),
        ("/folders", "pickle", framed({"a.pkl": b"\x80\x04."})),
        ("/tables", "words.zip", zipped({"a.txt": b"no log"})),
        ("/tables", "broken.zip", b"PK\x03\x04 and no more"),
    ):
        reply = page.post(address, params={"name": name}, content=body)
        assert reply.status_code == 422, name
        assert "Traceback" not in reply.text
        assert name.partition(".")[0] not in page.get("/").text


@pytest.mark.parametrize(
    "name",
    ["../out.csv", "a/../../out.csv", "/etc/out.csv", "a//b.csv", "a/./b.csv", "..\\out.csv", "C:out.csv", "a\0b", ""],
)
def test_no_name_leads_out(page: TestClient, tmp_path: Path, name: str) -> None:
    with pytest.raises(sw.ScalewiseError, match="may not have such a name"):
        inner_path(name)
    assert page.post("/folders", params={"name": "x"}, content=framed({name: b"a"})).status_code == 422
    (tmp_path / "x.zip").write_bytes(zipped({name or "/": b"a", "b.csv": b"params,loss\n1,2\n"}))
    with contextlib.suppress(sw.ScalewiseError):  # what is hidden is left out instead
        unpack(tmp_path / "x.zip", tmp_path / "in" / "x")
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert written <= {"x.zip", "in/x/b.csv", "in/x/a"}  # Python's zipfile itself cuts a name at a zero
    assert not Path("/etc/out.csv").exists()


@given(st.text(max_size=40))
def test_any_name_stays_inside(name: str) -> None:
    try:
        path = inner_path(name)
    except sw.ScalewiseError:
        return
    inside = Path("/folder")
    assert (inside / path).resolve().is_relative_to(inside)
    assert len(path.parts) == name.count("/") + 1


def test_two_files_of_one_name_are_refused(page: TestClient) -> None:
    for names in (("a", "a"), ("a", "a/b")):
        listed = json.dumps([[name, 1] for name in names]).encode()
        reply = page.post("/folders", params={"name": "twice"}, content=listed + b"\nxy")
        assert reply.status_code == 422
        assert "have this name" in reply.text


def test_links_in_a_zip_are_left_out(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("passwd.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("b.csv", "params,loss\n1,2\n")
    unpack(tmp_path / "x.zip", tmp_path / "x")
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["b.csv"]


def test_folders_are_bounded(page: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MOST_BYTES", 10_000)
    monkeypatch.setattr(folders, "MOST_FILES", 3)
    many = {f"{i}.csv": b"a" for i in range(4)}
    large = {"a.csv": b"0" * 10_001}
    for files, said in ((many, "1 to 3 files here"), (large, "the most that is taken here")):
        reply = page.post("/folders", params={"name": "much"}, content=framed(files))
        assert (reply.status_code, said in reply.text) == (422, True), reply.text
        (tmp_path / "x.zip").write_bytes(zipped(files))  # the large one is 50 bytes until it is unpacked
        with pytest.raises(sw.ScalewiseError, match=said):
            unpack(tmp_path / "x.zip", tmp_path / "x")
        assert not (tmp_path / "x").exists()


def test_an_uploaded_store_is_read_and_never_gone_on_with(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, None, lasting=False)
    store = shelf.uploads / "lab"
    (store / "runs").mkdir(parents=True)
    (store / "study.toml").write_text("")
    assert not shelf.uploaded(store).is_store


def test_a_study_shows_its_plan(page: TestClient) -> None:
    study = (ROOT / "studies" / "lab.toml").read_text()
    reply = page.post("/tables", params={"name": "my.toml"}, content=study.encode())
    assert reply.status_code == 200, reply.text
    shown = page.get(reply.json()["to"]).text
    assert "[tuning]" in shown
    planned = page.post(reply.json()["to"] + "/plan")
    if find_spec("torch") is None:
        assert planned.status_code == 422
        assert "scalewise[train]" in planned.text
    else:
        assert "110 runs" in planned.text
        assert "183,744" in planned.text


def test_a_study_from_elsewhere_opens_nothing(page: TestClient) -> None:
    study = (ROOT / "studies" / "lab.toml").read_text()
    for place in ("/etc/hostname", "../answers", "hf:some/data", "tokens:/etc", "images:/"):
        text = study.replace('"stdlib"', f'"{place}"')
        to = page.post("/tables", params={"name": "sly.toml"}, content=text.encode()).json()["to"]
        reply = page.post(f"{to}/plan")
        assert reply.status_code == 422
        assert "not in the study's own folder" in reply.text
    wrong = page.post("/tables", params={"name": "wrong.toml"}, content=b"[project]\nname = 'x'\n")
    assert wrong.status_code == 422
    assert "unknown key" in wrong.text
    assert "wrong.toml" not in page.get("/").text
