"""Files of rows: the same records from every form, packing and encoding, and what cannot be read is named."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from core.data.example import DataError
from core.data.files import is_data_set, read_records, said_of

ROWS = [
    {"id": "1", "prompt": "a, b; c\td", "won": 'say "hi"'},
    {"id": "2", "prompt": "line\nbreak", "won": "ä\U0001f600"},
    {"id": "3", "prompt": "", "won": " "},
]
Rows = list[dict[str, str]]


def as_csv(rows: Rows, delimiter: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def as_arrow(rows: Rows, new: Callable[..., Any] = pyarrow.ipc.new_file) -> bytes:
    out, table = io.BytesIO(), pyarrow.Table.from_pylist(rows)
    with new(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def as_parquet(rows: Rows) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), out)
    return out.getvalue()


def as_lines(rows: Rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def zipped(content: bytes, name: str = "rows.csv") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
        archive.writestr(f"__MACOSX/._{name}", "of macOS")
    return out.getvalue()


def zstd(content: bytes) -> bytes:
    compressed: bytes = pyarrow.Codec("zstd").compress(content, asbytes=True)
    return compressed


def utf_16(content: bytes) -> bytes:
    return content.decode().encode("utf-16")


FORMS: dict[str, tuple[Callable[[Rows], bytes], str]] = {
    "rows.csv": (as_csv, "CSV with commas"),
    "semicolons.csv": (lambda rows: as_csv(rows, ";"), "CSV with semicolons"),
    "rows.tsv": (lambda rows: as_csv(rows, "\t"), "CSV with tabs"),
    "bom.csv": (lambda rows: b"\xef\xbb\xbf" + as_csv(rows), "CSV with commas"),
    "utf16.csv": (lambda rows: utf_16(as_csv(rows, ";")), "CSV with semicolons, UTF-16"),
    "ctrl-z.csv": (lambda rows: as_csv(rows) + b"\x1a", "CSV with commas"),
    "rows.jsonl": (as_lines, "JSON lines"),
    "ctrl-z.jsonl": (lambda rows: as_lines(rows) + b"\x1a", "JSON lines"),
    "utf16.jsonl": (lambda rows: utf_16(as_lines(rows)), "JSON lines, UTF-16"),
    "array.json": (lambda rows: json.dumps(rows, indent=1).encode(), "JSON array"),
    "lines.json": (as_lines, "JSON lines"),
    "rows.parquet": (as_parquet, "Parquet"),
    "rows.arrow": (as_arrow, "Arrow"),
    "stream.arrow": (lambda rows: as_arrow(rows, pyarrow.ipc.new_stream), "Arrow"),
}
PACKED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "": (bytes, ""),
    ".gz": (gzip.compress, ", gzip"),
    ".zst": (zstd, ", zstd"),
}


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def read(source: Path | str) -> Rows:
    return [row.record for row in read_records(str(source))]


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("form", FORMS)
def test_the_same_records_are_read_from_every_form_and_packing_which_is_said(
    form: str, packing: str, tmp_path: Path
) -> None:
    (make, said), (pack, packed) = FORMS[form], PACKED[packing]
    path = write(tmp_path / f"{form}{packing}", pack(make(ROWS)))
    assert read(path) == ROWS
    assert said_of(str(path)) == said + packed


@pytest.mark.parametrize("form", FORMS)
def test_of_an_archive_its_only_table_is_read(form: str, tmp_path: Path) -> None:
    make, said = FORMS[form]
    path = write(tmp_path / "any.zip", zipped(make(ROWS), form))
    assert read(path) == ROWS
    assert said_of(str(path)) == f"{said}, zip"


def test_of_an_archive_with_several_tables_one_is_named(tmp_path: Path) -> None:
    """As the competition's own, which holds train, test and sample_submission."""
    with zipfile.ZipFile(tmp_path / "lmsys.zip", "w") as archive:
        for name in ("train.csv", "in/test.csv", "readme.md"):
            archive.writestr(name, as_csv(ROWS[: 1 if "test" in name else 2]))
    with pytest.raises(DataError, match=r"holds train.csv, in/test.csv: name one, as .*lmsys.zip/train.csv"):
        read(tmp_path / "lmsys.zip")
    assert read(tmp_path / "lmsys.zip/train.csv") == ROWS[:2]
    assert read(tmp_path / "lmsys.zip/in/test.csv") == ROWS[:1]
    for name, words in (("no.csv", "holds no no.csv"), ("readme.md", "not a table")):
        with pytest.raises(DataError, match=words):
            read(tmp_path / "lmsys.zip" / name)


def test_an_archive_with_a_password_or_packed_in_an_unknown_way_is_told(tmp_path: Path) -> None:
    content = zipped(as_csv(ROWS))
    central = content.index(b"PK\x01\x02")
    locked, unknown = bytearray(content), bytearray(content)
    locked[6], locked[central + 8] = locked[6] | 1, locked[central + 8] | 1
    unknown[8], unknown[central + 10] = 77, 77
    for made, says in ((locked, "password required"), (unknown, "compression method is not supported")):
        with pytest.raises(DataError, match=f"cannot be unpacked: .*{says}"):
            read(write(tmp_path / "rows.zip", bytes(made)))


def test_a_folder_or_a_pattern_is_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for number, name in enumerate(("part-1.jsonl", "deep/part-0.jsonl", "_SUCCESS", ".part-2.jsonl", "notes.md")):
        write(tmp_path / name, as_lines(ROWS[number : number + 1] or ROWS))
    assert [row["id"] for row in read(tmp_path)] == ["2", "1"]
    assert [row["id"] for row in read(f"{tmp_path}/part-*.jsonl")] == ["1"]
    assert [row["id"] for row in read(f"{tmp_path}/**/part-*.jsonl")] == ["2", "1"]
    assert said_of(str(tmp_path)) == "2 files, JSON lines"
    with pytest.raises(DataError, match="no file matches"):
        read(f"{tmp_path}/*.csv")
    file, line, _ = list(read_records(str(tmp_path)))[1]
    assert (file, line) == (str(tmp_path / "part-1.jsonl"), 1)


def test_of_a_folder_with_files_called_train_those_alone_are_read(tmp_path: Path) -> None:
    for name in ("train.jsonl", "test.jsonl", "constraints.jsonl"):
        write(tmp_path / name, as_lines(ROWS[:1] if name == "train.jsonl" else ROWS))
    assert read(tmp_path) == ROWS[:1]


def test_folders_called_train_count_as_files_do_and_no_file_is_read_twice(tmp_path: Path) -> None:
    for folder, rows in (("train", ROWS[:1]), ("test", ROWS[1:])):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "part-0.c000.snappy.parquet", as_parquet(rows))
        write(tmp_path / folder / "part-0.c001.snappy.parquet", as_parquet(rows))
    assert read(tmp_path) == [*ROWS[:1], *ROWS[:1]]
    write(tmp_path / "train" / "part-0.c001.snappy.csv.gz", gzip.compress(as_csv(ROWS)))
    with pytest.raises(DataError, match=r"part-0.c001.snappy.* may hold the same rows: name one of them"):
        read(tmp_path)


def test_a_part_of_a_split_of_the_hub_is_no_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_data_set("owner/name::train[:10]")
    assert said_of("owner/name::train[:10]") == "a data set of the Hugging Face hub"


def test_an_array_after_an_empty_line_and_text_of_two_bytes_a_character_are_told_from_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.json", b"\n\n" + json.dumps(ROWS).encode())
    assert read(path) == ROWS
    for encoding in ("utf-16-le", "utf-16-be"):
        with pytest.raises(DataError, match="looks like UTF-16 without a byte order mark"):
            read(write(tmp_path / "rows.csv", as_csv(ROWS).decode().encode(encoding)))


def test_a_file_called_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    assert read(write(tmp_path / "rows [1].csv", as_csv(ROWS))) == ROWS


def test_the_line_of_a_record_is_that_of_the_unpacked_file(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv.gz", gzip.compress(as_csv(ROWS)))
    assert [row.line for row in read_records(str(path))] == [2, 3, 5]
    write(path, gzip.compress(as_csv(ROWS) + b"4,5\r\n"))
    with pytest.raises(DataError, match="line 6: 2 cells under 3 columns; is a quote missing, or one of the commas"):
        read(path)


def test_an_archive_that_is_cut_short_is_told_where_it_is_read(tmp_path: Path) -> None:
    rows = [{"id": str(number), "prompt": str(number**9)} for number in range(20_000)]
    for name, content in (("rows.csv.gz", gzip.compress(as_csv(rows))), ("rows.csv.zst", zstd(as_csv(rows)))):
        path = write(tmp_path / name, content[: len(content) // 2])
        with pytest.raises(DataError, match="cannot be unpacked"):
            read(path)


@given(
    st.lists(
        st.fixed_dictionaries({name: st.text(st.characters(exclude_categories=["Cs"]), max_size=8) for name in "ab"}),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_cells_hold_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> None:
    folder = tmp_path_factory.mktemp("any")
    for form in ("semicolons.csv", "utf16.jsonl", "array.json", "rows.parquet"):
        kept = [{name: cell.replace("\0", "") for name, cell in row.items()} for row in rows]
        assert read(write(folder / form, FORMS[form][0](kept))) == kept
