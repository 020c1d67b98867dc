"""Reads the run's rows again, by id: what the evaluation rows and the training rows hold. Knows no prediction."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from msgspec import Struct

from core.data.example import DataError, Example, Id
from core.data.rows import Comparisons, Origin
from core.data.sources import Sources
from core.data.split import prompt_key
from core.demo.assets import eval_source, train_sources
from core.engine.lengths import characters_of
from core.profile.data_settings import Data
from core.profile.files import expanded
from core.report.evaluation import Counts, Evaluation

ROWS_A_WORD = 2048
"""Between two words of how far the reading is."""


class Texts(Struct, frozen=True, kw_only=True):
    """Arrays are of the evaluation's rows, (n,) or (n, 3), with 0 where the file does not have a row any more."""

    found: dict[Id, tuple[Example, Origin]]
    """The evaluation rows by id, each with what it held beside."""
    is_known: Counts
    characters: Counts
    turns: Counts
    train_characters: Counts
    """Of the rows that were trained on, (m, 3)."""
    train_label: Counts
    cautions: list[str]


def sources_of(data: Data, given: Sequence[str]) -> tuple[list[str], str | None]:
    """The sources of the training rows and, where it is another, that of the evaluation rows. `given` are where the
    latter lie now. Raises DataError where these are several and data.eval is one."""
    train, own = train_sources(data), eval_source(data)
    places = [expanded(source) for source in given]
    if own and len(places) > 1:
        raise DataError(f"--data is given {len(places)} times: the evaluation rows are those of data.eval, one source")
    if own:
        return train, places[0] if places else own
    return places or train, own


def read_texts(
    train: Sequence[str], own: str | None, data: Data, evaluation: Evaluation, tell: Callable[[str], None]
) -> Texts:
    """Find the evaluation's rows in `own`, the source of data.eval, or without one in those of `train`. `tell` hears
    every now and then how much has been read.

    Raises DataError where the file of the evaluation rows is missing or has a bad row, or where it holds none of them.
    """
    source = own or " and ".join(train)
    place = {id: number for number, id in enumerate(evaluation.id)}
    left_out, prompts = set(evaluation.not_finite), set[int]()
    found: dict[Id, tuple[Example, Origin]] = {}
    others: list[tuple[int, tuple[int, int, int]]] = []
    cautions = []
    outcomes = evaluation.outcomes.name
    data = data.unweighted
    evaluated = Comparisons(own, data, outcomes) if own else Sources(train, data, outcomes)
    for example, origin in _counted(evaluated, source, tell):
        prompts.add(prompt_key(example.prompt))
        if example.id in place:
            found[example.id] = example, origin
        elif not own and example.id not in left_out:
            others.append((example.label, characters_of(example)))
    try:
        for example, _ in _counted(Sources(train, data, outcomes) if own else (), " and ".join(train), tell):
            if not (data.drop_leaks and prompt_key(example.prompt) in prompts):
                others.append((example.label, characters_of(example)))
    except DataError as error:
        others = []
        cautions.append(f"without the training rows, no lengths to compare with: {error}")
    if not found:
        raise DataError(f"{source}: none of the {len(evaluation):,} evaluation rows is in it")
    known, characters = np.zeros(len(evaluation), dtype=np.int64), np.zeros((len(evaluation), 3), dtype=np.int64)
    turns, relabelled = np.zeros(len(evaluation), dtype=np.int64), 0
    for id, (example, _) in found.items():
        row = place[id]
        known[row], characters[row], turns[row] = 1, characters_of(example), len(example.prompt)
        relabelled += example.label != evaluation.label[row]
    if missing := len(evaluation) - len(found):
        cautions.append(f"{source} has changed: it lacks {missing:,} of the evaluation rows")
    if relabelled:
        cautions.append(f"{source} has changed: it has another winner in {relabelled:,} of the evaluation rows")
    return Texts(
        found=found,
        is_known=known,
        characters=characters,
        turns=turns,
        train_characters=np.array([characters for _, characters in others], dtype=np.int64).reshape(-1, 3),
        train_label=np.array([label for label, _ in others], dtype=np.int64),
        cautions=cautions,
    )


def _counted(
    rows: Iterable[tuple[Example, Origin]], source: str, tell: Callable[[str], None]
) -> Iterator[tuple[Example, Origin]]:
    for number, row in enumerate(rows, 1):
        if number % ROWS_A_WORD == 0:
            tell(f"reading {source}: {number:,} rows")
        yield row


def prompts(texts: Texts | None, evaluation: Evaluation) -> Counts | None:
    """A number for the prompt of each evaluation row, the same for equal ones; None where all differ, or are not known.

    As the run wrote them down. Of an older one the texts tell: a row whose text is not known stands for itself."""
    if evaluation.prompt is not None:
        return _numbered(evaluation.prompt)
    if texts is None:
        return None
    keys = [
        prompt_key(texts.found[id][0].prompt) if id in texts.found else -1 - place
        for place, id in enumerate(evaluation.id)
    ]
    return _numbered(np.array(keys, dtype=np.int64))


def _numbered(prompt: Counts) -> Counts | None:
    """A number from 0 for each of the different prompts, of shape (n,); None where all differ."""
    different, number = np.unique(prompt, return_inverse=True)
    return number.astype(np.int64) if len(different) < len(prompt) else None


def chatbots(texts: Texts, evaluation: Evaluation) -> list[tuple[str, str] | None]:
    """Which chatbots wrote A and B of each evaluation row, where the file says it."""
    return [chatbots_of(texts.found[id][1]) if id in texts.found else None for id in evaluation.id]


def chatbots_of(origin: Origin) -> tuple[str, str] | None:
    """The same of one row."""
    first, second = origin.model_a, origin.model_b
    return None if first is None or second is None else (first, second)
