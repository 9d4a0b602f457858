"""The bytes of TensorBoard event files: framed records, each a protobuf message, of which the scalars are kept.

A record is its length (uint64), the masked CRC-32C of the length, the data and their CRC (tensorflow/core/lib/io/
record_writer.h). Of the message `Event` the fields step and summary.value[tag, simple_value, tensor] are read
(tensorflow/core/util/event.proto, framework/summary.proto); everything else is skipped without being built.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LARGEST_RECORD = 2**20
"""Bytes; a scalar needs a hundred. Larger ones are graphs and images and are stepped over."""
FRAME = 12
Bytes = NDArray[np.uint8]


class Scalar(NamedTuple):
    step: int
    tag: str
    value: float


class Records(NamedTuple):
    """The whole records of a file, how many were stepped over for their size, and why reading ended before the end."""

    data: list[bytes]
    large: int
    ending: str


def _table() -> NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0x82F63B78), table >> 1).astype(np.uint32)
    return table


def masked_crcs(rows: Bytes) -> NDArray[np.uint32]:
    """The masked CRC-32C of each row of bytes: (rows, length) to (rows,)."""
    table = _table()
    crc = np.full(rows.shape[0], 0xFFFFFFFF, np.uint32)
    for column in rows.T:
        crc = table[(crc ^ column) & 0xFF] ^ (crc >> np.uint32(8))
    crc = ~crc
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)


def read_records(path: Path) -> Records:
    """The file's records up to the first that is cut short or damaged."""
    data: list[bytes] = []
    sums: list[int] = []
    size, place, large, ending = path.stat().st_size, 0, 0, ""
    with path.open("rb") as file:
        while place < size:
            head = file.read(FRAME)
            if len(head) < FRAME:
                ending = "cut short"
                break
            length, length_sum = struct.unpack("<QI", head)
            if int(masked_crcs(np.frombuffer(head[:8], np.uint8)[None])[0]) != length_sum:
                ending = "damaged"
                break
            if place + FRAME + length + 4 > size:
                ending = "cut short"
                break
            if length > LARGEST_RECORD:
                large += 1
                file.seek(length + 4, 1)
            else:
                body = file.read(length + 4)
                data.append(body[:length])
                sums.append(struct.unpack("<I", body[length:])[0])
            place += FRAME + length + 4
    return _sound(data, sums, large, ending)


def _sound(data: list[bytes], sums: list[int], large: int, ending: str) -> Records:
    """Records before the first whose checksum is wrong; records of equal length are checked together."""
    lengths = np.array([len(d) for d in data], np.int64)
    right = np.ones(len(data), bool)
    for length in np.unique(lengths):
        which = np.flatnonzero(lengths == length)
        rows = np.frombuffer(b"".join(data[i] for i in which), np.uint8).reshape(which.size, length)
        right[which] = masked_crcs(rows) == np.array([sums[i] for i in which], np.uint32)
    if right.all():
        return Records(data, large, ending)
    return Records(data[: int(np.argmin(right))], large, "damaged")


def scalars(event: bytes) -> list[Scalar]:
    """The scalars of an `Event`. Raises ValueError when the message is not well-formed."""
    step, found = 0, []
    for number, value in _fields(event):
        if number == 2 and isinstance(value, int):
            step = value - 2**64 if value >= 2**63 else value
        elif number == 5 and isinstance(value, bytes):
            found += [pair for inner, v in _fields(value) if inner == 1 and isinstance(v, bytes) for pair in _value(v)]
    return [Scalar(step, tag, number) for tag, number in found]


def _value(message: bytes) -> list[tuple[str, float]]:
    """Tag and number of a Summary.Value, if it is a scalar."""
    tag, number = "", None
    for field, value in _fields(message):
        if field == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8", "replace")
        elif field == 2 and isinstance(value, bytes) and len(value) == 4:
            number = struct.unpack("<f", value)[0]
        elif field == 8 and isinstance(value, bytes):
            number = _tensor(value)
    return [(tag, float(number))] if tag and number is not None else []


def _tensor(message: bytes) -> float | None:
    """The number of a TensorProto with a single float or double, as TensorFlow 2 writes scalars."""
    kind, content = 0, b""
    for field, value in _fields(message):
        if field == 1 and isinstance(value, int):
            kind = value
        elif field in (4, 5, 6) and isinstance(value, bytes):
            content = value
    if kind == 1 and len(content) == 4:
        return float(struct.unpack("<f", content)[0])
    return float(struct.unpack("<d", content)[0]) if kind == 2 and len(content) == 8 else None


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and raw values of a protobuf message."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        wire = key & 7
        if wire == 0:
            number, place = _varint(message, place)
            yield key >> 3, number
            continue
        if wire not in (1, 2, 5):
            raise ValueError("unknown wire type")
        length = {1: 8, 5: 4}.get(wire, 0)
        if wire == 2:
            length, place = _varint(message, place)
        if place + length > len(message):
            raise ValueError("a field runs past its message")
        yield key >> 3, message[place : place + length]
        place += length


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            break
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), place
    raise ValueError("a number has no end")
