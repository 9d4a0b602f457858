"""Whether the pages of a Parquet file can be what its end says: a page that claims a number of values which it cannot
have makes Polars ask for memory that nobody has, which ends the process and not only the reading.

The file's end and each page's header are Thrift structs in the compact protocol; of parquet.thrift, FileMetaData has
4 row_groups, a RowGroup 1 columns and 3 num_rows, a ColumnChunk 3 meta_data, ColumnMetaData 5 num_values,
7 total_compressed_size, 9 data_page_offset and 11 dictionary_page_offset, a PageHeader 2 and 3 its sizes and, by kind,
5, 7 or 8 a struct that begins with 1 num_values.
"""

import struct
from pathlib import Path
from typing import Any, BinaryIO

from scalewise.errors import TableError

MAGIC = b"PAR1"
DEEPEST = 16
SMALL, MOST_PACKED = 2**28, 1000
"""Bytes up to which a page may unpack in any case, and how many times its size beyond."""
LARGEST_FOOTER, LARGEST_HEADER = 256 * 2**20, 2**14
"""Bytes; a page's header takes a hundred, unless it tells the extremes of long texts."""
INTEGERS, BINARY, LISTS, STRUCT = (4, 5, 6), 8, (9, 10), 12
FIXED = {1: 0, 2: 0, 3: 1, 7: 8}
"""Bytes of values that are not needed: truth values, bytes and doubles."""
PAGES, DICTIONARY = (5, 7, 8), 7


class Damaged(Exception):
    """What is wrong, in a few words."""


def counted_cells(path: Path, source: str) -> int:
    """How many cells the file holds. Raises TableError when its end or the header of a page cannot be true."""
    cells = 0
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            for group in _listed(_footer(file, size).get(4)):
                rows = _count(_struct(group).get(3))
                for column in _listed(_struct(group).get(1)):
                    cells += max(rows, _checked_chunk(file, size, _struct(_struct(column).get(3))))
    except Damaged as error:
        raise TableError(f"{source}: cannot be read as Parquet: {error}.") from None
    return cells


def _footer(file: BinaryIO, size: int) -> dict[int, Any]:
    end = _part(file, max(0, size - 8), 8)
    if size < 12 or end[4:] != MAGIC:
        raise Damaged("its end is missing (still being written?)")
    length = struct.unpack("<I", end[:4])[0]
    if length > min(size - 12, LARGEST_FOOTER):
        raise Damaged("its end is damaged")
    return Thrift(_part(file, size - 8 - length, length)).struct()


def _part(file: BinaryIO, place: int, length: int) -> bytes:
    file.seek(place)
    return file.read(length)


def _checked_chunk(file: BinaryIO, size: int, chunk: dict[int, Any]) -> int:
    """The values of one column in one group of rows, counted from page to page."""
    values, length = _count(chunk.get(5)), _count(chunk.get(7))
    place = min((_count(chunk[key]) for key in (9, 11) if chunk.get(key)), default=0)
    end, found = place + length, 0
    if end > size:
        raise Damaged("a column lies outside of it")
    while place < end and found < values:
        header = Thrift(_part(file, place, min(end - place, LARGEST_HEADER)))
        page = header.struct()
        counted = sum(_count(_struct(page[kind]).get(1)) for kind in PAGES if kind in page)
        packed = _count(page.get(3))
        if counted > values or _count(page.get(2)) > max(SMALL, MOST_PACKED * packed):
            raise Damaged("a page claims more values or bytes than it can have")
        found += 0 if DICTIONARY in page else counted
        place += header.place + packed
    if place > end or found != values:
        raise Damaged("its pages do not hold what its end says")
    return values


def _count(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**48:
        raise Damaged("a count in it is absurd")
    return value


def _struct(value: Any) -> dict[int, Any]:
    if not isinstance(value, dict):
        raise Damaged("its end is damaged")
    return value


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Damaged("its end is damaged")
    return value


class Thrift:
    """Structs of the compact protocol: integers, lists and structs by the numbers of their fields, without the rest."""

    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        if depth > DEEPEST:
            raise Damaged("it nests too deeply")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = self._value(head & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in INTEGERS:
            return self._zigzag()
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in LISTS:
            return self._list(depth)
        length = self._varint() if kind == BINARY else FIXED.get(kind)
        if length is None or length > len(self.content) - self.place:
            raise Damaged("it is cut short, or holds what Parquet does not know")
        self.place += length
        return None

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        size, kind = head >> 4, head & 15
        size = self._varint() if size == 15 else size
        if size > len(self.content) - self.place:
            raise Damaged("a list in it has no end")
        return [self._value(3 if kind in (1, 2) else kind, depth + 1) for _ in range(size)]

    def _byte(self) -> int:
        if self.place >= len(self.content):
            raise Damaged("it is cut short")
        self.place += 1
        return self.content[self.place - 1]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise Damaged("a number in it has no end")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
