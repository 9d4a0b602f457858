"""Where whole objects are kept, each written at once and read at once: a folder, or an address that fsspec knows.

Nothing here is appended to, locked or mapped into memory, so an object store will do. What a kill or a lost connection
left half written is as if it had not been written.
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from scalewise.errors import MissingExtraError, ScalewiseError, StudyError, did_you_mean, first_line
from scalewise.runs.files import naming_a_full_disk

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

SUFFIX = ".pt"
SEALED = re.compile(r"(?P<name>.+)\.(?P<length>\d+)-(?P<digest>[0-9a-f]{16})\.pt")
PAUSES = (1.0, 5.0, 0.0)
"""Seconds after each try: a connection breaks now and then, and the training of hours should not end with it."""
FINAL = (FileNotFoundError, NotImplementedError, PermissionError)
"""What another try does not change."""
Result = TypeVar("Result")


class Objects(Protocol):
    """Objects by name. All raise StudyError where the place cannot be used, DiskFullError where it is full."""

    def make(self) -> None:
        """Make the folder, where folders have to be made."""

    def names(self, prefix: str = "") -> list[str]:
        """Of the whole objects that begin so; none where nothing has been written yet."""

    def put(self, name: str, content: bytes, instead_of: str = "") -> None:
        """Once it is whole, what else begins with `instead_of` is removed, or what else has its name."""

    def get(self, name: str) -> bytes: ...
    def remove(self, name: str) -> None: ...
    def remove_all(self) -> None:
        """And the folder."""


@dataclass(frozen=True)
class Folder:
    """Files on a disk. A new one replaces the old only once it is whole."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudyError(f"{self.path}: this folder cannot be made ({error.strerror}).") from None

    def names(self, prefix: str = "") -> list[str]:
        return [path.stem for path in self.path.glob(f"{prefix}*{SUFFIX}")]

    def put(self, name: str, content: bytes, instead_of: str = "") -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        path = self._file(name)
        older = self.names(instead_of) if instead_of else []
        beside = path.with_suffix(f".{os.getpid()}")
        try:
            with naming_a_full_disk(self.path):
                beside.write_bytes(content)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        for other in older:
            if other != name:
                self.remove(other)

    def get(self, name: str) -> bytes:
        return self._file(name).read_bytes()

    def remove(self, name: str) -> None:
        self._file(name).unlink(missing_ok=True)

    def remove_all(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def _file(self, name: str) -> Path:
        return self.path / f"{name}{SUFFIX}"


@dataclass(frozen=True)
class Address:
    """Files of any file system that fsspec knows. Each has its length and digest in its name: not all of them write a
    file at once, and one that is shorter than its name says is not whole."""

    url: str

    def __str__(self) -> str:
        return self.url

    def make(self) -> None:
        system, root = _file_system(self.url)

        def made() -> None:
            parent = root.rpartition("/")[0]
            for folder in filter(None, (parent, root)):
                # a bucket is never made: one that is not there is misspelt
                if "/" in folder and not system.exists(folder):
                    system.mkdir(folder, create_parents=False)

        self._tried("made", made)

    def names(self, prefix: str = "") -> list[str]:
        return [name for name in self._whole() if name.startswith(prefix)]

    def put(self, name: str, content: bytes, instead_of: str = "") -> None:
        system, root = _file_system(self.url)
        new = sealed(name, content)
        self._tried("written to", lambda: system.pipe_file(f"{root}/{new}", content))
        self._remove(instead_of or f"{name}.", new)

    def get(self, name: str) -> bytes:
        """Raises StudyError when it is not there, or not what was written."""
        system, _ = _file_system(self.url)
        path = self._whole().get(name)
        if path is None:
            raise StudyError(f"{self.url}: {name} is not there any more.")
        content: bytes = self._tried("read", lambda: system.cat_file(path))
        if not path.endswith(f"/{sealed(name, content)}"):
            raise StudyError(f"{path}: is damaged; remove it, and what it held is trained again.")
        return content

    def remove(self, name: str) -> None:
        self._remove(f"{name}.")

    def remove_all(self) -> None:
        system, root = _file_system(self.url)
        self._tried("removed", lambda: _gone(system.rm, root, recursive=True))

    def _whole(self) -> dict[str, str]:
        """The path of each whole object by its name."""
        known = [(path, SEALED.fullmatch(file), size) for file, path, size in self._files()]
        return {seal["name"]: path for path, seal, size in known if seal and int(seal["length"]) == size}

    def _remove(self, prefix: str, kept: str = "") -> None:
        """Files that begin so, also halves of them."""
        system, _ = _file_system(self.url)
        for file, path, _ in self._files():
            if file.startswith(prefix) and file != kept:
                self._tried("removed from", partial(_gone, system.rm_file, path))

    def _files(self) -> list[tuple[str, str, int]]:
        """Name, path and bytes of every file."""
        system, root = _file_system(self.url)

        def listed() -> list[tuple[str, str, int]]:
            system.invalidate_cache()  # other processes write here too
            try:
                entries = system.ls(root, detail=True)
            except FileNotFoundError:
                return []
            return [(entry["name"].rpartition("/")[2], entry["name"], entry["size"]) for entry in entries]

        return self._tried("listed", listed)

    def _tried(self, verb: str, work: Callable[[], Result]) -> Result:
        """What comes of it, at the last of a few tries. Every file system has errors of its own."""
        for pause in PAUSES:
            try:
                with naming_a_full_disk(self.url):
                    return work()
            except ScalewiseError:
                raise
            except Exception as error:
                wrong = error
            if isinstance(wrong, FINAL):
                break
            time.sleep(pause)
        said = (isinstance(wrong, OSError) and wrong.strerror) or first_line(wrong)
        raise StudyError(f"{self.url}: cannot be {verb} ({said}).")


def sealed(name: str, content: bytes) -> str:
    """The name of a file that says whether it is whole."""
    return f"{name}.{len(content)}-{_digest(content)}{SUFFIX}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _gone(remove: Callable[..., object], path: str, **options: object) -> None:
    """Remove what may be gone already."""
    with suppress(FileNotFoundError):
        remove(path, **options)


@cache
def _file_system(url: str) -> "tuple[AbstractFileSystem, str]":
    """The file system of an address, and the path there. Credentials and such are those of fsspec's configuration."""
    try:
        import fsspec
    except ImportError:
        raise MissingExtraError("fsspec", "cluster", f"{url}:") from None
    protocol = url.partition("://")[0]
    try:
        system, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise StudyError(f"{url}: a package for {protocol}:// is missing ({error}).") from None
    except ValueError as error:
        if protocol in fsspec.available_protocols():
            raise StudyError(f"{url}: is no address of {protocol}:// ({error}).") from None
        hint = did_you_mean(protocol, fsspec.available_protocols())
        raise StudyError(f"{url}: fsspec knows no protocol {protocol}{hint}.") from None
    return system, root.rstrip("/")
