"""Whole objects in a folder and at an address, and the place that a study keeps its checkpoints in."""

from pathlib import Path
from threading import Event

import pytest

pytest.importorskip("fsspec", reason="needs the cluster extra: pip install 'scalewise[cluster]'")

from fsspec.implementations.local import LocalFileSystem
from hypothesis import given
from hypothesis import strategies as st

from scalewise.errors import DiskFullError, StudyError
from scalewise.lab import checkpoint_place, objects
from scalewise.lab.checkpoint_place import check_seen, chosen_place, mark_place, place_of, remember_place
from scalewise.lab.objects import SEALED, Address, Folder, Objects


@pytest.fixture(params=["folder", "address"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    folder = tmp_path / "suite" / "tiny"
    return Folder(folder) if request.param == "folder" else Address(folder.as_uri())


@pytest.fixture
def address(tmp_path: Path) -> Address:
    place = Address((tmp_path / "suite").as_uri())
    place.make()
    return place


def test_what_is_put_is_got_until_it_is_removed(place: Objects) -> None:
    assert place.names() == []
    place.make()
    for name, content in (("a@1", b"one"), ("a@20", b""), ("ab@3", b"three")):
        place.put(name, content)
    place.put("a@1", b"one again")
    assert sorted(place.names("a@")) == ["a@1", "a@20"]
    assert [place.get(name) for name in ("a@1", "a@20", "ab@3")] == [b"one again", b"", b"three"]
    place.remove("a@20")
    place.remove("a@20")
    assert sorted(place.names()) == ["a@1", "ab@3"]
    place.put("a@30", b"thirty", instead_of="a@")
    assert sorted(place.names()) == ["a@30", "ab@3"]
    place.remove_all()
    place.remove_all()
    assert place.names() == []


def test_what_is_half_written_is_not_there(address: Address, tmp_path: Path) -> None:
    """As after a kill, where a file system does not write files at once."""
    address.put("run@1", b"older")
    address.put("run@2", b"newer")
    (newer,) = (tmp_path / "suite").glob("run@2*")
    newer.write_bytes(b"new")
    assert address.names("run@") == ["run@1"]
    address.put("run@3", b"newest", instead_of="run@")
    assert [path.name.partition(".")[0] for path in (tmp_path / "suite").iterdir()] == ["run@3"]


def test_what_is_damaged_is_not_taken(address: Address, tmp_path: Path) -> None:
    address.put("run@1", b"whole")
    (file,) = (tmp_path / "suite").iterdir()
    file.write_bytes(b"whale")
    with pytest.raises(StudyError, match="is damaged; remove it"):
        address.get("run@1")


def test_a_connection_that_breaks_is_tried_again(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    left, write = [ConnectionResetError("gone"), TimeoutError()], LocalFileSystem.pipe_file

    def breaking(self: LocalFileSystem, *arguments: object) -> None:
        if left:
            raise left.pop()
        write(self, *arguments)

    monkeypatch.setattr(objects, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(LocalFileSystem, "pipe_file", breaking)
    address.put("run@1", b"whole")
    assert address.get("run@1") == b"whole"
    left[:] = [ConnectionResetError("gone")] * 3
    with pytest.raises(StudyError, match=r"suite: cannot be written to \(gone\)\."):
        address.put("run@2", b"whole")
    left[:] = [OSError(28, "No space left on device")]
    with pytest.raises(DiskFullError):
        address.put("run@2", b"whole")
    assert address.names() == ["run@1"]


@given(st.text(st.characters(codec="ascii", exclude_characters="/\0\n"), min_size=1), st.binary())
def test_a_sealed_name_is_read_back(name: str, content: bytes) -> None:
    seal = SEALED.fullmatch(objects.sealed(name, content))
    assert seal is not None
    assert (seal["name"], int(seal["length"])) == (name, len(content))


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("foo://bucket/suite", r"foo://bucket/suite: fsspec knows no protocol foo\."),
        ("memry://suite", r"memry://suite: fsspec knows no protocol memry \(did you mean 'memory'\?\)\."),
        ("memory://suite", r"--checkpoints memory://: ends with the process.*"),
        ("sftp://me:secret@host/suite", r"--checkpoints: the address holds a password.*"),
        ("s3://", r"--checkpoints s3://: names no place there.*"),
        ("file:///proc/none/suite", r"file:///proc/none/suite: cannot be made \(No such file or directory\)\."),
        ("/proc/none/suite", r"/proc/none/suite: this folder cannot be made \(No such file or directory\)\."),
    ],
)
def test_a_place_that_cannot_be_used_is_one_sentence(tmp_path: Path, wanted: str, sentence: str) -> None:
    with pytest.raises(StudyError, match=f"^{sentence}$"):
        chosen_place(tmp_path, wanted, "tiny")


def test_a_study_goes_on_where_it_was_begun(tmp_path: Path) -> None:
    study, wanted = tmp_path / "study", (tmp_path / "suite").as_uri()
    study.mkdir()
    chosen = chosen_place(study, wanted, "tiny")
    assert chosen is not None
    assert chosen.startswith(f"{wanted}/tiny-")
    assert list((tmp_path / "suite").iterdir()) == []
    remember_place(study, chosen)
    (study / "study.toml").touch()
    with pytest.raises(StudyError, match="a node of the cluster does not see this folder"):
        check_seen(study)
    mark_place(study)
    check_seen(study)
    assert place_of(study) == Address(chosen)
    assert chosen_place(study, None, "tiny") == chosen_place(study, f"{wanted}/", "tiny") == chosen
    with pytest.raises(StudyError, match=r"was begun with its checkpoints in .*; leave the option out"):
        chosen_place(study, str(tmp_path / "other"), "tiny")


def test_an_address_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = Event()
    monkeypatch.setattr(checkpoint_place, "ANSWER_SECONDS", 0.01)
    monkeypatch.setattr(LocalFileSystem, "exists", lambda self, path: answered.wait())
    with pytest.raises(StudyError, match=r"suite: does not answer within 0\.01 seconds\."):
        chosen_place(tmp_path, (tmp_path / "suite").as_uri(), "tiny")
    answered.set()
