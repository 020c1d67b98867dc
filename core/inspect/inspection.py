"""Inspecting a profile's rows: all are read, tokenized and kept."""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec
from msgspec.structs import replace
from pyarrow import parquet

from core.cache import filling_the_cache
from core.data.example import Example, Frame, RowsRead
from core.data.files import COLUMNAR, files_of
from core.data.packed_files import TableFile
from core.data.rows import Comparisons, Origin
from core.data.sources import Sources
from core.data.template import TextMade
from core.data.tokenizer import fingerprint
from core.data.tokens import BATCH
from core.demo.assets import eval_source, train_sources
from core.files import write_whole
from core.inspect.ahead import LoadedTokenizer
from core.inspect.lookup import write_pieces
from core.inspect.protocol import Progress
from core.inspect.store import Store, digest_of_all
from core.inspect.table import SCHEMA, as_table
from core.model.locate import locate, tokenizer_at_hand, tokenizer_folder
from core.profile.settings import Profile

AROUND_A_TURN = 8
"""Bytes of a file beside a turn: quotes, brackets, commas, and the row's id and winner."""
SAMPLE = 256
"""Rows that are shown first: a share of them is off by 6 % at most, and twice as many would come a sixth later."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """about.json, written last: the inspection is complete."""

    read: list[RowsRead]
    text: TextMade
    rows: int
    begin: list[int]
    end: list[int]


def inspect(profile: Profile, ready: LoadedTokenizer | None = None, *, needs_base: bool = True) -> Iterator[Progress]:
    """Bring about the inspection of the profile's rows, those of data.eval last, and say how far it is.

    `ready` serves if it is the profile's tokenizer. Without `needs_base` a folder with a tokenizer alone will do.
    """
    train, evaluation = train_sources(profile.data), eval_source(profile.data)
    sources = [*train, *([evaluation] if evaluation else [])]
    content = digest_of_all(train, evaluation)
    folder = None if needs_base else tokenizer_at_hand(profile.model)
    folder = folder or tokenizer_folder(locate(profile.model), profile.model.revision)
    known_by = fingerprint(folder)
    store = Store(content, known_by, profile)
    if store.is_complete and not profile.tokens.ellipsis:
        yield _complete(store, sources, mark=[])
        return

    if ready is None or not ready.serves(known_by, profile):
        ready = LoadedTokenizer.of(folder, known_by, profile)
    frame = ready.tokenizer.frame(profile.tokens.ellipsis)
    if not store.is_complete:
        with filling_the_cache(), store.making() as scratch:
            yield from _read(train, evaluation, profile, ready, frame, store, scratch)
    yield _complete(store, sources, frame.mark)


def _read(
    train: Sequence[str],
    evaluation: str | None,
    profile: Profile,
    ready: LoadedTokenizer,
    frame: Frame,
    store: Store,
    scratch: Path,
) -> Iterator[Progress]:
    """Write all rows with their tokens into `scratch`."""
    total: int | None = None
    rows = 0
    data, outcomes = profile.data, profile.model.outcomes
    sources = Sources(train, data, outcomes)
    own = Comparisons(evaluation, data.unweighted, outcomes) if evaluation else None
    with parquet.ParquetWriter(scratch / store.whole.name, SCHEMA, compression="zstd", compression_level=1) as writer:
        for of_eval, examples in ((False, iter(sources)), (True, iter(own or ()))):
            while batch := list(islice(examples, BATCH if rows else SAMPLE)):
                table = as_table(batch, ready.encoder.sequences([example for example, _ in batch]), of_eval=of_eval)
                if rows == 0:
                    total = _about_how_many(train, evaluation, batch, data.limit or sys.maxsize)
                    sample = scratch / store.sample.name
                    parquet.write_table(table, sample)
                    read = sources.told()
                    yield Progress(rows=len(batch), rows_total=total, read=read, sample=str(sample), frame=frame)
                writer.write_table(table)
                rows += len(batch)
                yield Progress(rows=rows, rows_total=total and max(total, rows))
    if not store.pieces.is_file():
        write_pieces(store.pieces, ready.tokenizer.pieces)
    read = [*sources.told(), *([own.told()] if own else [])]
    text = ready.encoder.template.made(*ready.tokenizer.around)
    about = About(read=read, text=text, rows=rows, begin=frame.begin, end=frame.end)
    write_whole(scratch / store.about.name, msgspec.json.encode(about))


def _complete(store: Store, sources: Sequence[str], mark: list[int]) -> Progress:
    """`sources` are what the profile calls those that were read: the same content may have had other names."""
    about = msgspec.json.decode(store.about.read_bytes(), type=About)
    return Progress(
        rows=about.rows,
        rows_total=about.rows,
        read=[replace(one, source=source) for one, source in zip(about.read, sources, strict=True)],
        text=about.text,
        whole=str(store.whole),
        pieces=str(store.pieces),
        frame=Frame(about.begin, about.end, mark),
    )


def _about_how_many(
    train: Sequence[str], evaluation: str | None, batch: Sequence[tuple[Example, Origin]], most: int
) -> int | None:
    """The rows of all sources, at most `most` of them to train on, judged by the size of the first ones; None where
    packed files and data sets tell none."""
    of_train = [files_of(source) for source in train]
    of_eval = files_of(evaluation) if evaluation else []
    if len(batch) < SAMPLE and len(train) == 1 and not evaluation:
        return len(batch)
    files = [file for found in (*of_train, of_eval) for file in found]
    tell_none = any(file.packing or file.suffix in COLUMNAR[1:] for file in files)
    if tell_none or not all(of_train) or bool(evaluation) > bool(of_eval):
        return None
    return min(most, sum(_rows_in(found, batch) for found in of_train)) + _rows_in(of_eval, batch)


def _rows_in(files: Sequence[TableFile], batch: Sequence[tuple[Example, Origin]]) -> int:
    if all(file.suffix == ".parquet" for file in files):
        return sum(int(parquet.read_metadata(file.path).num_rows) for file in files)
    turns = [turn for _, origin in batch for part in origin.parts for turn in part]
    size = sum(len(str(turn).encode(errors="replace")) + AROUND_A_TURN for turn in turns)
    return sum(file.path.stat().st_size for file in files) * len(batch) // size
