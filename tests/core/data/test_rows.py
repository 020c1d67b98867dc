"""Data files: what is read is what was written, and what cannot be used is named by file, line, id and column."""

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import tiny
from examples import read_examples
from pyarrow import parquet

from core.data.example import DataError
from core.data.rows import Comparisons
from core.data.split import split
from core.data.template import RECIPE
from core.outcomes import A_B_TIE
from core.profile import settings
from core.profile.data_settings import Data

HEADER = ",".join(tiny.COLUMNS)


def refused(source: Path | str) -> str:
    with pytest.raises(DataError) as caught:
        read_examples(str(source), Data())
    return str(caught.value)


def csv_file(folder: Path, *rows: dict[str, Any]) -> Path:
    return tiny.write_csv(folder / "train.csv", rows)


def test_the_same_rows_are_read_from_csv_jsonl_and_parquet(tmp_path: Path) -> None:
    rows = [
        tiny.row(2**62 + 1, 0, prompt=json.dumps(["line\nbreak", None, ""]), response_a=json.dumps(["a,b \"c\""])),
        tiny.row(7, 1, response_b=json.dumps(["\U0001f600 and half \ud83d"])),
        tiny.row(5, 2, prompt="[]"),
    ]  # fmt: skip
    jsonl = tmp_path / "train.jsonl"
    jsonl.write_text("\n".join(json.dumps({**row, "prompt": json.loads(row["prompt"])}) for row in rows))
    table = pyarrow.Table.from_pylist([{**row, "winner_tie": bool(int(row["winner_tie"]))} for row in rows])
    parquet.write_table(table, tmp_path / "train.parquet")

    examples = read_examples(str(csv_file(tmp_path, *rows)), Data())
    assert [(example.index, example.id, example.label) for example in examples] == [
        (0, 2**62 + 1, 0),
        (1, 7, 1),
        (2, 5, 2),
    ]
    assert examples[0].prompt == ("line\nbreak", "", "")
    assert examples[1].response_b == ("\U0001f600 and half �",)
    assert examples[2].prompt == ()
    assert read_examples(str(jsonl), Data()) == examples
    assert read_examples(str(tmp_path / "train.parquet"), Data()) == examples


def test_of_a_folder_its_tables_are_read(tmp_path: Path) -> None:
    csv_file(tmp_path, tiny.row(1, 0), tiny.row(2, 1))
    assert [example.id for example in read_examples(str(tmp_path), Data())] == [1, 2]


def test_limit_keeps_the_first_rows_and_does_not_look_at_the_others(tmp_path: Path) -> None:
    path = csv_file(tmp_path, tiny.row(1, 0), tiny.row(2, 1), tiny.row(2, 1, prompt="broken"))
    assert [example.id for example in read_examples(str(path), Data(limit=2))] == [1, 2]
    assert "line 4" in refused(path)


@pytest.mark.parametrize(
    "cell",
    [
        "__import__('os').system('touch executed')",
        '{"a": 1}',
        '"text"',
        "null",
        "",
        '["unclosed"',
        "[" * 100_000,
        "NaN",
    ],
)
def test_a_cell_that_is_no_json_list_is_refused_and_never_evaluated(
    cell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    message = refused(csv_file(tmp_path, tiny.row(1, 0), tiny.row(99, 0, response_a=cell)))
    assert f"{tmp_path / 'train.csv'}, line 3, id 99, column response_a: expected a JSON list of strings" in message
    assert len(message) < 400
    assert not Path("executed").exists()


@pytest.mark.parametrize("item", ["1", "true", "[]", "{}", "1.5"])
def test_an_item_that_is_neither_text_nor_null_is_named(item: str, tmp_path: Path) -> None:
    message = refused(csv_file(tmp_path, tiny.row(4, 0, prompt=f'["fine", {item}]')))
    assert "line 2, id 4, column prompt: item 2 of the list must be a string or null" in message


@pytest.mark.parametrize(
    ("winners", "found"),
    [("000", "found none"), ("110", "winner_model_a and winner_model_b"), ("111", "and winner_tie")],
)
def test_exactly_one_winner_is_needed(winners: str, found: str, tmp_path: Path) -> None:
    cells = dict(zip(tiny.COLUMNS[6:], winners, strict=True))
    message = refused(csv_file(tmp_path, tiny.row(3, 0, **cells)))
    assert "line 2, id 3: exactly one of" in message
    assert found in message


WRITTEN = [
    ("1", "0"), ("1.0", "0.0"), ("True", "False"), ("true", "false"), (" 1 ", " 0"), ("TRUE", "FALSE"),
    ("1.", "-0"), ("yes", "No"), (1, 0), (1.0, 0.0), (True, False), (Decimal("1.00"), Decimal("0.00")),
]  # fmt: skip


@pytest.mark.parametrize(("yes", "no"), WRITTEN)
def test_winners_are_read_alike_in_every_format_however_they_are_written(yes: Any, no: Any, tmp_path: Path) -> None:
    made = [tiny.row(id, id, **{c: (no, yes)[c == A_B_TIE.winners[id]] for c in A_B_TIE.winners}) for id in range(3)]
    parquet.write_table(pyarrow.Table.from_pylist(made), tmp_path / "train.parquet")
    sources = [csv_file(tmp_path, *made), tmp_path / "train.parquet"]
    if not isinstance(yes, Decimal):  # which JSON does not have
        sources.append(tmp_path / "train.jsonl")
        sources[-1].write_text("".join(json.dumps(row) + "\n" for row in made))
    for source in sources:
        assert [example.label for example in read_examples(str(source), Data())] == [0, 1, 2], source


@pytest.mark.parametrize("cell", ["", "2", "-1", "maybe", "nan", "0.5", "inf", "None", "1,0", "b'1'"])
def test_a_winner_cell_that_is_not_0_or_1_is_named(cell: str, tmp_path: Path) -> None:
    message = refused(csv_file(tmp_path, tiny.row(3, 0, winner_tie=cell)))
    assert "line 2, id 3, column winner_tie: expected 0 or 1" in message


@pytest.mark.parametrize(
    ("id", "found"),
    [("", "missing"), ("x" * 201, "at most 200 characters")]
    + [
        (text, f"'{text}' is a decimal number")
        for text in ("1.5", "17.0", "nan", "6.8e+18", "-1.E3", "1e+18", "6e-2", ".5")
    ],
)
def test_an_id_that_is_missing_or_a_decimal_number_is_refused(id: str, found: str, tmp_path: Path) -> None:
    message = refused(csv_file(tmp_path, tiny.row(1, 0), tiny.row(0, 0, id=id)))
    assert "line 3, column id" in message
    assert found in message


@pytest.mark.parametrize(
    "id", ["1_7", "017", "+17", "١٧", "x", "-0", " 7", "1e3", "12e4567", "١.٥", str(2**63), "9" * 50, "a-b-c"]
)
def test_an_id_that_is_no_number_of_64_bits_is_kept_as_it_is(id: str, tmp_path: Path) -> None:
    assert [row.id for row in read_examples(str(csv_file(tmp_path, tiny.row(0, 0, id=id))), Data())] == [id]


@pytest.mark.parametrize("id", [0, 17, -17, 2**63 - 1, -(2**63)])
def test_an_id_that_is_a_number_of_64_bits_is_one_in_text_too(id: int, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(tiny.row(0, 0, id=id)) + "\n")
    for source in (path, csv_file(tmp_path, tiny.row(0, 0, id=str(id)))):
        assert [row.id for row in read_examples(str(source), Data())] == [id]


def test_without_a_column_of_ids_rows_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    rows = [{name: cell for name, cell in tiny.row(7, 0).items() if name != "id"}] * 2
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [row.id for row in read_examples(str(path), Data())] == [0, 1]


def test_ids_that_were_made_decimal_numbers_are_refused_with_the_way_out(tmp_path: Path) -> None:
    """As pandas does with a column in which one is missing: 2**62 + 1 is not what it was any more."""
    path = tmp_path / "train.parquet"
    for id, found in (
        (float(2**62 + 1), "4.611686018427388e+18 is a decimal number"),
        (17.0, "17.0 is a decimal number"),
        (17.5, "17.5 is a decimal number"),
        (math.nan, "the id is missing"),
    ):
        parquet.write_table(pyarrow.Table.from_pylist([tiny.row(0, 0, id=id)]), path)
        assert f"line 1, column id: {found}" in refused(path)
        assert ("write the column as whole numbers (int64)" in refused(path)) is ("decimal" in found)


def test_a_duplicate_id_names_both_lines_though_cells_hold_line_breaks(tmp_path: Path) -> None:
    multiline = tiny.row(1, 0, prompt='["a"\n,\n"b"]')
    message = refused(csv_file(tmp_path, multiline, tiny.row(5, 0), tiny.row(5, 1)))
    assert "line 6, id 5: this id is already on line 5" in message


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "the file is empty"),
        (HEADER.encode(), "no rows"),
        (HEADER.encode() + b"\n\n\n", "no rows"),
        (b"id,prompt\n1,2\n", "no column response_a, response_b, winner_model_a"),
        (HEADER.encode() + b"\n1,a,b\n", "line 2: 3 cells under 9 columns"),
        (HEADER.encode() + b'\n1,"never closed', "line 2: not CSV"),
        (HEADER.encode("utf-16"), "no rows"),
        (HEADER.encode("utf-16") + b"\0", "not UTF-16 text"),
        (HEADER.encode() + b"\n1,caf\xe9,b", "line 2: not UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "line 1: not UTF-8 text"),
        (b"\x7fELF\x00\x00\x00", "no rows"),
        (b"\x7fELF\x00\x00\x00\n\x00\n", "no column prompt"),
        (b"id,id\n1,2\n", "duplicate column name"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_with_its_place(content: bytes, found: str, tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_bytes(content)
    message = refused(path)
    assert str(path) in message
    assert found in message


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = csv_file(tmp_path, tiny.row(1, 0))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_examples(str(path), Data())[0].id == 1


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("train.jsonl", b'{"id": 1}\n', "no column prompt"),
        ("train.jsonl", b'{"id": 1}\nnot json\n', "line 2: not JSON"),
        ("train.jsonl", b"not json\n", "line 1: not JSON"),
        ("train.jsonl", b"[1]\n", "line 1: expected a JSON object, found list"),
        ("train.jsonl", b"[" * 100_000, "line 1: not JSON"),
        ("train.parquet", b"PAR1 not really", "not a readable Parquet file"),
        ("train.parquet", b"", "not a readable Parquet file"),
        ("train.json", b'[{"id": 1}]', "no column prompt"),
        ("train.json", b'[{"id": 1}, 2]', "line 2: expected a JSON object, found int"),
        ("train.json", b'[{"id": 1}', "not JSON: Expecting ',' delimiter: line 1"),
        ("train.arrow", b"ARROW1", "not a readable Arrow file"),
        ("train.xlsx", b"PK", "not a table: .csv, .tsv, .jsonl, .ndjson, .json, .parquet, .arrow"),
        ("train.csv.gz", b"\x1f\x8b", "cannot be unpacked: Compressed file ended before"),
        ("train.csv.gz", b"id,prompt", "cannot be unpacked: Not a gzipped file"),
        ("train.csv.zip", b"PK", "cannot be unpacked: File is not a zip file"),
        ("train.csv.zst", b"id,prompt", "cannot be unpacked"),
        ("train.csv.xz", b"", "not a table"),
    ],
)
def test_other_formats_are_refused_as_clearly(name: str, content: bytes, found: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert found in refused(tmp_path / name)


@pytest.fixture
def _own_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever datasets makes of a folder lies with the test."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")


def saved(*ids: int) -> Any:
    import datasets

    return datasets.Dataset.from_list([tiny.row(id, id % 3) for id in ids])


@pytest.mark.usefixtures("_own_datasets")
def test_a_data_set_that_was_saved_to_disk_is_loaded_and_of_several_splits_train(tmp_path: Path) -> None:
    import datasets

    saved(4, 5).save_to_disk(tmp_path / "alone")
    datasets.DatasetDict(test=saved(1), train=saved(2, 3)).save_to_disk(tmp_path / "splits")
    datasets.DatasetDict(left=saved(1), right=saved(2)).save_to_disk(tmp_path / "others")
    assert [example.id for example in read_examples(str(tmp_path / "alone"), Data())] == [4, 5]
    assert [example.id for example in read_examples(str(tmp_path / "splits"), Data())] == [2, 3]
    assert "no split called train; name the folder of one: left, right" in refused(tmp_path / "others")
    assert [example.id for example in read_examples(str(tmp_path / "others" / "right"), Data())] == [2]


@pytest.mark.usefixtures("_own_datasets")
def test_a_folder_of_parquet_files_is_read_even_where_it_is_called_like_one(tmp_path: Path) -> None:
    folder = tmp_path / "train.parquet"
    folder.mkdir()
    for id in (1, 2):
        parquet.write_table(pyarrow.Table.from_pylist([tiny.row(id, 0)]), folder / f"part-{id}.parquet")
    (folder / "_SUCCESS").touch()
    assert [example.id for example in read_examples(str(folder), Data())] == [1, 2]
    (tmp_path / "empty").mkdir()
    assert "no file in this folder is a table" in refused(tmp_path / "empty")


def test_a_cell_of_parquet_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    table = pyarrow.Table.from_pylist([tiny.row(id, 0) for id in range(3)])
    path = tmp_path / "train.parquet"
    parquet.write_table(table.append_column("extra", pyarrow.array([b"a", b"b", b"\xff"]).view(pyarrow.string())), path)
    assert f"{path}, line 3, column extra: cannot be read: 'utf-8' codec" in refused(path)
    parquet.write_table(table.append_column("day", pyarrow.array([0, 10**15, 0], pyarrow.timestamp("s"))), path)
    assert f"{path}, line 2, column day: cannot be read" in refused(path)
    parquet.write_table(table.append_column("id", table["id"]), path)
    assert "duplicate column name" in refused(path)


def test_lone_surrogates_of_other_columns_are_replaced_where_they_enter(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(tiny.row(1, 0, model_a="half \ud83d", model_b="\U0001f600", prompt=["\ud83d"])) + "\n")
    [(example, origin)] = Comparisons(str(path), Data(), "auto")
    assert (origin.model_a, origin.model_b) == ("half \ufffd", "\U0001f600")
    assert origin.parts[0] == ("\ud83d",), "told as it was to who looks for flaws"
    assert example.prompt == ("\ufffd",)


@pytest.mark.parametrize("column", ["\x1b[31mred\nline", "\ud83d", "\u202egnp", "x" * 10_000])
def test_a_message_is_one_short_line_whatever_the_file_holds(column: str, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({column: 1}))
    for message in (refused(path), cell_refused(path, column)):
        assert message.isprintable()
        assert len(message.replace(str(path), "")) < 400
        message.encode()


def cell_refused(path: Path, cell: str) -> str:
    path.write_text(json.dumps(tiny.row(1, 0, prompt=[{cell: cell}])))
    return refused(path)


def test_a_source_that_does_not_exist_is_said_to_be_missing(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refused(tmp_path / "train.csv")
    for source in ("lmsys", str(tmp_path / "absent"), "./absent", "a/b/c", "../x/train"):
        assert "no such file, and no data set of the hub" in refused(source)


def test_a_cell_longer_than_the_csv_modules_own_limit_is_read(tmp_path: Path) -> None:
    long = "word " * 100_000
    assert read_examples(str(csv_file(tmp_path, tiny.row(1, 0, prompt=json.dumps([long])))), Data())[0].prompt == (
        long,
    )


def test_surrogate_escapes_become_characters_and_lone_ones_the_replacement_character(tmp_path: Path) -> None:
    path = csv_file(tmp_path, tiny.row(1, 0, prompt=r'["\ud83d\ude00", "\ud83d", "\ude00x"]'))
    assert read_examples(str(path), Data())[0].prompt == ("\U0001f600", "�", "�x")


def test_the_text_is_the_recipes() -> None:
    text = RECIPE.text(["a", None, "b"], ["c"], [])
    assert text == "<prompt>: a  b\n\n<response_a>: c\n\n<response_b>: "


def examples(tmp_path: Path, count: int = 40) -> list[Any]:
    rows = [tiny.row(n * 3 + 1, n % 3, prompt=json.dumps([f"prompt {n % 7}"])) for n in range(count)]
    return read_examples(str(csv_file(tmp_path, *rows)), Data())


def test_the_recipes_split_goes_by_row_number(tmp_path: Path) -> None:
    train, evaluation = split(examples(tmp_path), settings.Split())
    assert [example.index for example in evaluation] == [0, 5, 10, 15, 20, 25, 30, 35]
    assert len(train) == 32


def test_the_published_counts_of_the_recipe() -> None:
    rows = range(57_477)
    assert sum(row % 5 == 0 for row in rows) == 11_496
    from core.engine.steps import optimizer_steps

    assert optimizer_steps(57_477 - 11_496, settings.Train()) == 5748


def test_the_split_by_id_goes_by_id(tmp_path: Path) -> None:
    _, evaluation = split(examples(tmp_path), settings.Split(by="id", fold=2))
    assert {example.id % 5 for example in evaluation} == {2}


def test_the_split_by_prompt_keeps_equal_prompts_on_one_side(tmp_path: Path) -> None:
    everything = examples(tmp_path)
    seen = set()
    for fold in range(3):
        chosen = settings.Split(by="prompt", n_splits=3, fold=fold)
        try:
            train, evaluation = split(everything, chosen)
        except DataError:
            continue  # seven prompts may leave a fold empty
        assert not {example.prompt for example in train} & {example.prompt for example in evaluation}
        seen |= {example.index for example in evaluation}
    assert seen == set(range(len(everything)))


def test_a_split_that_leaves_nothing_to_evaluate_says_what_to_change(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no evaluation rows: 3 rows, fold 4 of 5; change split"):
        split(examples(tmp_path, 3), settings.Split(fold=4))
