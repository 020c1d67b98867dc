"""Makes the report of a run: `python -P -m core.report RUN_DIR [--against RUN_DIR] [--data FILE]...`.

Prints Progress, a JSON object a line. What was made before, by content of all that it depends on, is not made again.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from core.cache import filling_the_cache
from core.data.example import DataError
from core.data.files import is_data_set
from core.data.tokenizer import CHAT_TEMPLATE
from core.data.tokenizer import FILE as TOKENIZER
from core.files import MOST_OF_AN_EVALUATION, write_whole
from core.imports import keep_pandas_out
from core.inspect.store import digest_of
from core.profile.division import in_training
from core.profile.errors import ProfileError
from core.profile.settings import Profile
from core.protocol import answer, as_problem, end_once
from core.report.build import Store
from core.report.protocol import Progress
from core.report.source_rows import sources_of
from core.runs.access import Strange, demand_plain, open_for_reading
from core.runs.folder import RunFolder
from core.runs.metrics import read_metrics, recipe_log_loss
from core.runs.settled import first_started, read_settled


def main(arguments: Sequence[str]) -> int:
    """Print how far it is, to the end; a problem ends it and is part of it. Returns the exit code, 0, 1 or 2."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--data", action="append", default=[])
    options = parser.parse_args(arguments)
    other = RunFolder(options.against) if options.against else None
    try:
        for progress in report(RunFolder(options.run), other, options.data):
            answer(progress)
    except (DataError, ProfileError) as error:
        return _refused(str(error), 2)
    except Exception as error:  # noqa: BLE001  (whatever it is, the reader is waiting for it)
        from core.failures.explain import explain

        why = explain(error, has_log=False)
        return _refused(as_problem(f"the report failed: {why.cause}", why.advice), why.exit_code)
    return 0


def _refused(problem: str, exit_code: int) -> int:
    answer(Progress(problem=problem))
    return exit_code


def report(folder: RunFolder, other: RunFolder | None, data: Sequence[str]) -> Iterator[Progress]:
    """Bring about the report on the run, and say how far it is. `data` are where its evaluation rows lie now."""
    yield Progress(doing="reading the evaluation")
    profile, recipe = read_settled(folder), recipe_log_loss(first_started(folder))
    train, own = sources_of(profile.data, data)
    sources = [*train, own] if own else train
    files = [folder.evaluation, folder.resolved, folder.metrics]
    files += [folder.adapter / TOKENIZER, folder.adapter / CHAT_TEMPLATE]
    files += [other.evaluation] if other else []
    if not any(map(is_data_set, sources)):  # which needs it
        keep_pandas_out()
    digests = [_digest_of_file(file) for file in files] + [_digest_of_rows(source) for source in sources]
    store = Store([folder.id, other.id if other else "", *sources, str(recipe), *digests])
    if not store.is_complete:
        yield from _make(folder, other, train, own, profile, recipe, store)
    yield msgspec.json.decode(store.progress.read_bytes(), type=Progress)


def _make(
    folder: RunFolder,
    other: RunFolder | None,
    train: Sequence[str],
    own: str | None,
    profile: Profile,
    recipe: float | None,
    store: Store,
) -> Iterator[Progress]:
    from core.report.build import make_report
    from core.report.evaluation import read_evaluation
    from core.report.row_lists import numbered, shown_ids, write_rows
    from core.report.source_rows import read_texts

    evaluation = read_evaluation(folder)
    compared = (other.id, read_evaluation(other)) if other else None
    cautions = [in_training(profile.data)] if in_training(profile.data) else []
    texts, source = None, own or " and ".join(train)
    yield Progress(doing=f"reading the rows of {source}")
    try:
        texts = read_texts(train, own, profile.data, evaluation, lambda doing: answer(Progress(doing=doing)))
    except DataError as error:
        cautions.append(f"without the rows' texts, no lengths, turns, chatbots or rows in full: {error}")

    yield Progress(doing="computing the figures")
    metrics = read_metrics(folder.metrics)
    others = len(texts.train_label) if texts else 0
    if metrics and others not in (0, metrics.rows_train):
        cautions.append(
            f"{' and '.join(train)} has changed: it has {others:,} rows to train on, where the run had "
            f"{metrics.rows_train:,}"
        )
    prior = metrics.prior_log_loss if metrics else None
    made = make_report(folder.id, evaluation, texts, prior, recipe, compared, cautions)
    done = Progress(report=str(store.report))
    with filling_the_cache(), store.making() as scratch:
        if texts is not None:
            yield Progress(doing="looking up the listed rows")
            rows, pieces = scratch / store.rows.name, scratch / store.pieces.name
            try:
                demand_plain(folder.adapter)
                frame, changed = write_rows(made.lists, texts, evaluation, folder.adapter, profile, rows, pieces)
            except (DataError, Strange) as error:
                made = replace(made, cautions=[*made.cautions, f"no row can be shown with its cut: {error}"])
            else:
                if changed:
                    told = f"{source} has changed: the run was given other texts in {changed:,} of the listed rows"
                    made = replace(made, cautions=[*made.cautions, told])
                made = replace(made, lists=numbered(made.lists, shown_ids(made.lists, texts)))
                done = replace(done, rows=str(store.rows), pieces=str(store.pieces), frame=frame)
        write_whole(scratch / store.report.name, msgspec.json.encode(made))
        write_whole(scratch / store.progress.name, msgspec.json.encode(done))


def _digest_of_file(path: Path) -> str:
    """That of a file of a run; "" where it cannot be read, which the report will say where it counts."""
    try:
        with open_for_reading(path, MOST_OF_AN_EVALUATION) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _digest_of_rows(source: str) -> str:
    """That of their content; "" where they cannot be read, which the report will say."""
    try:
        return digest_of(source)
    except (DataError, OSError):
        return ""


if __name__ == "__main__":
    end_once()
    sys.exit(main(sys.argv[1:]))
