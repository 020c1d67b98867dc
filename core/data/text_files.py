"""Reads tables that are text: CSV with commas, semicolons or tabs, JSON a line, and an array of JSON objects."""

import csv
import io
import json
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct

from core.data.bounds import MOST_OF_A_RECORD
from core.data.example import DataError, named, place
from core.data.packed_files import TableFile, opened
from core.machine.gpus import memory

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
BYTES_OF_A_CHARACTER = 16
"""Of a JSON array at most, decoded beside its text."""
CTRL_Z = "\x1a"
"""What DOS, and some exports still, put behind the last line."""

MOST_OF_A_HEADER = 1 << 20

Encoding = Literal["utf-8-sig", "utf-16"]
Record = dict[str, Any]


class Written(Struct, frozen=True):
    """How a text file is written, as its beginning shows."""

    encoding: Encoding
    form: Literal["CSV", "JSON lines", "JSON array"]
    delimiter: str = ","

    def __str__(self) -> str:
        delimited = f" with {DELIMITERS[self.delimiter]}" if self.form == "CSV" else ""
        return self.form + delimited + (", UTF-16" if self.encoding == "utf-16" else "")


def written(file: TableFile) -> Written:
    """Raises DataError where the file cannot be unpacked, and OSError."""
    with opened(file) as stream:
        is_utf_16 = stream.read(2) in (BOM_UTF16_LE, BOM_UTF16_BE)
    encoding: Encoding = "utf-16" if is_utf_16 else "utf-8-sig"
    with opened(file) as stream, io.TextIOWrapper(stream, encoding, errors="replace", newline="") as text:
        start = text.readline(MOST_OF_A_HEADER)
        while start and not start.strip():
            start = text.readline(MOST_OF_A_HEADER)
    if [set(half) == {"\0"} for half in (start[0:40:2], start[1:40:2])].count(True) == 1:
        raise DataError(f"{file.name}: looks like UTF-16 without a byte order mark: save it as UTF-8")
    if file.suffix in (".csv", ".tsv"):
        return Written(encoding, "CSV", _delimiter(start))
    return Written(encoding, "JSON array" if file.suffix == ".json" and start.lstrip()[0:1] == "[" else "JSON lines")


def text_records(file: TableFile) -> Iterator[tuple[int, Record]]:
    """Each record with the line it begins on (in an array: its number), from 1. Raises DataError, and OSError."""
    how = written(file)
    with opened(file) as stream, io.TextIOWrapper(stream, how.encoding, newline="") as text:
        try:
            match how.form:
                case "CSV":
                    yield from _csv(file.name, text, how.delimiter)
                case "JSON lines":
                    yield from _jsonl(file.name, text)
                case "JSON array":
                    yield from _json_array(file.name, text)
        except UnicodeDecodeError as error:
            raise DataError(f"{_undecodable(file, how.encoding)}: not {_called(error)} text") from None
        except UnicodeError:  # of UTF-16 with a byte too many
            raise DataError(f"{file.name}: not UTF-16 text") from None


def _csv(name: str, text: io.TextIOWrapper, delimiter: str) -> Iterator[tuple[int, Record]]:
    # The csv module, not pyarrow's reader: it knows the line of each record when cells hold line breaks.
    # The module's own limit of 131,072 characters is too low: one conversation can be long.
    csv.field_size_limit(MOST_OF_A_RECORD)
    lines = _Lines(name, text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begins = 1
    try:
        header = next(reader, None)
        if header is None:
            raise DataError(f"{name}: the file is empty")
        if len(set(header)) != len(header):
            raise DataError(f"{place(name, 1)}: duplicate column name: {named(header)}")
        begins = reader.line_num + 1
        lines.begin_record()
        for cells in reader:
            if cells and len(cells) != len(header):
                raise DataError(
                    f"{place(name, begins)}: {len(cells)} cells under {len(header)} columns; "
                    f"is a quote missing, or one of the {DELIMITERS[delimiter]} too many?"
                )
            if cells:
                yield begins, dict(zip(header, cells, strict=True))
            begins = reader.line_num + 1
            lines.begin_record()
    except csv.Error as error:
        raise DataError(f"{place(name, begins)}: not CSV: {error}") from None


def _delimiter(header: str) -> str:
    """That which makes the most columns of a header; a comma where others make no more."""
    try:
        return max(DELIMITERS, key=lambda delimiter: len(next(csv.reader([header], delimiter=delimiter), [])))
    except csv.Error:  # no header, which is told with its place once it is read
        return ","


def _jsonl(name: str, text: io.TextIOWrapper) -> Iterator[tuple[int, Record]]:
    lines = _Lines(name, text)
    for line, content in enumerate(lines, 1):
        lines.begin_record()
        if content.strip():
            try:
                yield line, _as_object(name, line, json.loads(content))
            except (ValueError, RecursionError) as error:
                raise DataError(f"{place(name, line)}: not JSON: {error}") from None


def _json_array(name: str, text: io.TextIOWrapper) -> Iterator[tuple[int, Record]]:
    """All objects are in memory at once: JSON lines are for what is too large."""
    free, _ = memory()
    content = text.read(free // BYTES_OF_A_CHARACTER)
    if text.read(1):
        raise DataError(f"{name}: an array too large for the memory that is free: write JSON lines, or Parquet")
    try:
        objects = json.loads(content.removesuffix(CTRL_Z))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: not JSON: {error}") from None
    for number, found in enumerate(objects, 1):
        yield number, _as_object(name, number, found)


def _as_object(name: str, line: int, found: Any) -> Record:
    if not isinstance(found, dict):
        raise DataError(f"{place(name, line)}: expected a JSON object, found {type(found).__name__}")
    return found


class _Lines:
    """The lines of a text file. Raises DataError once those since `begin_record` are too long for a record."""

    def __init__(self, name: str, text: io.TextIOWrapper) -> None:
        self._name = name
        self._text = text
        self._read = 0
        self.begin_record()

    def begin_record(self) -> None:
        self._begins = self._read + 1
        self._left = MOST_OF_A_RECORD

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._left + 1).removesuffix(CTRL_Z)  # without a line break: the file's end
        if not line:
            raise StopIteration
        self._read += 1
        self._left -= len(line)
        if self._left < 0:
            raise DataError(
                f"{place(self._name, self._begins)}: a record of more than {MOST_OF_A_RECORD >> 20} MiB begins here; "
                "is a quote or a line break missing, or is this another kind of file?"
            )
        return line


def _called(error: UnicodeDecodeError) -> str:
    return "UTF-16" if error.encoding.startswith("utf-16") else "UTF-8"


def _undecodable(file: TableFile, encoding: str) -> str:
    """The place of what is no UTF-8; UTF-16 has no lines before it is decoded."""
    if encoding != "utf-16":
        with opened(file) as stream:
            for line, content in enumerate(iter(lambda: stream.readline(8 * MOST_OF_A_RECORD), b""), 1):
                try:
                    content.decode()
                except UnicodeDecodeError:
                    return place(file.name, line)
    return file.name
