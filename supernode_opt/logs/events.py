"""Scalars of TensorBoard event files, without TensorBoard.

A file is a row of TFRecords (length, its checksum, data, its checksum), each an `Event`
of `tensorboard/compat/proto/event.proto`.  Of the protocol buffers only what a scalar
needs is read: step, tag and `simple_value` or a tensor of one number.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

from supernode_opt.logs import series
from supernode_opt.logs.log import BadLog, Log, Series

_STEP, _SUMMARY = 2, 5
_VALUE = 1
_TAG, _SIMPLE, _TENSOR = 1, 2, 8
_FLOATS, _DOUBLES, _CONTENT = 5, 6, 4
# Type of a tensor of doubles in `types.proto`.
_DOUBLE = 2
# Nothing but scalars is that small; others are passed over.
_LARGEST = 1_000_000
_FIRST = b"brain.Event:"


def fits(content: bytes) -> bool:
    """Tell whether a file begins as event files do, with their version."""
    return _FIRST in content[:64]


def read(path: Path, content: bytes) -> Log:
    """Read an event file.

    Raises:
      BadLog: it is damaged, or has no step time or token rate.
    """
    found: dict[str, list[tuple[int, float]]] = {}
    try:
        for record in _records(content):
            if len(record) <= _LARGEST:
                for step, tag, value in _scalars(record):
                    found.setdefault(tag, []).append((step, value))
    except (IndexError, struct.error, UnicodeDecodeError):
        raise BadLog("is a damaged TensorBoard file") from None
    tags: dict[str, Series] = {tag: tuple(values) for tag, values in found.items()}
    return series.log(path, "TensorBoard", tags, {})


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the records of a file; a last one that was cut off is left out."""
    at = 0
    while at + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        end = at + 12 + length
        if end + 4 > len(content):
            return
        yield content[at + 12 : end]
        at = end + 4


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (field, number, bytes) of a protocol buffer; one of the two is empty."""
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _number(message, at)
            yield field, value, b""
        elif wire == 2:
            length, at = _number(message, at)
            yield field, 0, message[at : at + length]
            at += length
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            yield field, 0, message[at : at + size]
            at += size
        else:
            raise IndexError


def _number(message: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte; return it and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise IndexError


def _scalars(event: bytes) -> Iterator[tuple[int, str, float]]:
    """Yield (step, tag, value) of an event."""
    step, summaries = 0, []
    for field, number, part in _fields(event):
        if field == _STEP:
            step = number
        elif field == _SUMMARY:
            summaries.append(part)
    for summary in summaries:
        for field, _, part in _fields(summary):
            if field == _VALUE:
                tag, value = _value(part)
                if tag and value is not None:
                    yield step, tag, value


def _value(message: bytes) -> tuple[str, float | None]:
    tag, value = "", None
    for field, _, part in _fields(message):
        if field == _TAG:
            tag = part.decode()
        elif field == _SIMPLE and len(part) == 4:
            (value,) = struct.unpack("<f", part)
        elif field == _TENSOR:
            value = _tensor(part)
    return tag, value


def _tensor(message: bytes) -> float | None:
    """Return the number of a tensor that holds one."""
    kind, found = 0, None
    for field, number, part in _fields(message):
        if field == 1:
            kind = number
        form = "<d" if kind == _DOUBLE or field == _DOUBLES else "<f"
        if field in (_FLOATS, _DOUBLES, _CONTENT) and len(part) == struct.calcsize(
            form
        ):
            (found,) = struct.unpack(form, part)
    return found
