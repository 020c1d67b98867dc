"""The labelled rows of a run: those of all its sources as one, as many as data.limit leaves, and what is evaluated."""

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from core.data.example import DataError, Example, RowsRead, Settled, settled, swapped
from core.data.labels import scaled
from core.data.rows import Comparisons, Origin, Seen, Used
from core.data.split import prompt_key, split
from core.data.teachers import taught
from core.outcomes import OutcomesSetting, outcomes_of
from core.profile.data_settings import Data
from core.profile.settings import Profile

Row = tuple[Example, Origin]


class Sources:
    """The rows of `sources`, one after the other, as far as data.limit goes: of each its share, weighed as its source
    is. An id stands once in all of them, and rows without one are numbered through all. Raises DataError at a bad row,
    and for a source without any."""

    def __init__(self, sources: Sequence[str], data: Data, outcomes: OutcomesSetting) -> None:
        self._sources = sources
        self._data = data
        self._outcomes = outcomes
        self._read: list[Comparisons] = []
        self._used = [Used() for _ in sources]
        self._not_drawn = [0 for _ in sources]

    def __iter__(self) -> Iterator[Row]:
        limit = self._data.limit
        if limit is None or self._data.limit_by == "first":
            rows: Iterable[tuple[int, Row]] = islice(self._every(limit), limit)
        else:
            rows = _drawn(self._every(None), limit, self._data.limit_seed)
        for index, (number, (example, origin)) in enumerate(rows):
            self._used[number].add(example, origin)
            yield (example if example.index == index else replace(example, index=index)), origin

    def told(self) -> list[RowsRead]:
        """What each source was taken for, once rows have been read: by those that are used, but for rows that were
        left out, which are counted as far as they were read. Raises DataError, and OSError."""
        unread = [Comparisons(source, self._data, self._outcomes) for source in self._sources[len(self._read) :]]
        told = [one.told(used) for one, used in zip([*self._read, *unread], self._used, strict=True)]
        return [replace(one, not_drawn=count) for one, count in zip(told, self._not_drawn, strict=True)]

    def _every(self, most: int | None) -> Iterator[tuple[int, Row]]:
        """Each row with the number of its source, from 0; of the first `most` rows at least."""
        seen: Seen = {}
        before = rows = 0
        shares, weights = self._data.train_shares, self._data.train_weights
        for number, source in enumerate(self._sources):
            left = None if most is None or shares else most - rows
            comparisons = Comparisons(source, self._data, self._outcomes, most=left, before=before, seen=seen)
            self._read.append(comparisons)
            for example, origin in comparisons:
                if shares and _drawn_key(example, self._data.limit_seed, "share") >= shares[number] * 2**64:
                    self._not_drawn[number] += 1
                    continue
                rows += 1
                yield number, (_weighed(example, weights[number]) if weights else example, origin)
            before += comparisons.records


def _drawn(rows: Iterable[tuple[int, Row]], most: int, seed: int) -> list[tuple[int, Row]]:
    """`most` of the rows in their order: those whose ids have the smallest hashes with `seed`. Whether a row is among
    them does not hang on where it stands."""
    heap: list[tuple[int, int, tuple[int, Row]]] = []
    for place, row in enumerate(rows):
        drawn = -_drawn_key(row[1][0], seed), place, row
        if len(heap) < most:
            heapq.heappush(heap, drawn)
        else:
            heapq.heappushpop(heap, drawn)
    return [row for _, _, row in sorted(heap, key=lambda drawn: drawn[1])]


def _drawn_key(example: Example, seed: int, *what: str) -> int:
    """Below 2**64, as if drawn at random for what it is asked; always the same of an id and a seed."""
    key = " ".join([str(seed), *what, str(example.id)]).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest())


def _weighed(example: Example, weight: float) -> Example:
    return replace(example, weight=example.weight * weight)


class RunExamples(Struct, frozen=True):
    """The rows of a run, and what each source of them was taken for, that of data.eval last."""

    train: list[Example]
    """Their weights are 1 on average. With train.swap = "both" each is there twice."""
    evaluation: list[Example]
    read: list[RowsRead]
    leaks: int
    """Rows of data.train whose prompt a row of data.eval has too, left out or not; 0 where rows are split."""

    @property
    def settled(self) -> Settled:
        return settled(self.read)

    @property
    def taught(self) -> int:
        """Rows to train on that a teacher tells of."""
        return sum(row.taught is not None for row in self.train)


def read_run_examples(
    train: Sequence[str], evaluation: str | None, profile: Profile, *, is_to_learn: bool = False
) -> RunExamples:
    """`train` and `evaluation` are the sources that data.train and data.eval stand for. Where `is_to_learn` the rows to
    train on have what the teachers of [distill] say of them.

    Raises DataError at a bad row or teacher, and where nothing is left to train on or to evaluate; OSError.
    """
    sources = Sources(train, profile.data, profile.model.outcomes)
    examples = [example for example, _ in sources]
    if evaluation is None:
        held_in, held_out = split(examples, profile.split)
        read = sources.told()
        return RunExamples(_learned(held_in, profile, read if is_to_learn else []), _plain(held_out), read, leaks=0)
    comparisons = Comparisons(evaluation, profile.data.unweighted, profile.model.outcomes)
    evaluated = [example for example, _ in comparisons]
    asked = {prompt_key(example.prompt) for example in evaluated}
    kept = [example for example in examples if prompt_key(example.prompt) not in asked]
    if profile.data.drop_leaks and not kept:
        raise DataError(f"{evaluation}: has the prompts of all {len(examples):,} rows of data.train: none is left")
    leaks = len(examples) - len(kept)
    read = [*sources.told(), comparisons.told()]
    learned = _learned(kept if profile.data.drop_leaks else examples, profile, read if is_to_learn else [])
    return RunExamples(learned, _plain(evaluated), read, leaks)


def _plain(rows: list[Example]) -> list[Example]:
    """The rows to evaluate: each counts as much, and by its label."""
    return [replace(row, weight=1.0, probabilities=None) for row in rows]


def _learned(rows: list[Example], profile: Profile, read: Sequence[RowsRead]) -> list[Example]:
    """The rows to train on, and behind them the same with A and B swapped where both orders are trained on. Teachers
    say of them what they do where it is known what was `read`."""
    weighted = _weighted(rows)
    if read and profile.distill.teachers:
        weighted = taught(weighted, profile.distill, outcomes_of(settled(read).outcomes))
    return [*weighted, *map(swapped, weighted)] if profile.train.swap == "both" else weighted


def _weighted(rows: list[Example]) -> list[Example]:
    """The rows to train on, their weights scaled so that the learning rate keeps its meaning. Raises DataError."""
    if not any(row.weight for row in rows):
        raise DataError(f"all {len(rows):,} rows to train on have the weight 0: nothing would be learned")
    weights = scaled([row.weight for row in rows])
    return [
        row if row.weight == weight else replace(row, weight=weight) for row, weight in zip(rows, weights, strict=True)
    ]
