"""How good the predictions are, and what a log loss is compared with: chance, class shares, lengths, another run."""

import numpy as np
from numpy.typing import NDArray

from core.data.example import DataError
from core.engine.lengths import fit_lengths
from core.outcomes import difference
from core.report.evaluation import Counts, Evaluation, Floats, row_losses
from core.report.report import Against, Bin, Calibration, ClassFigures, Interval, Reference
from core.report.source_rows import Texts

RESAMPLES = 2000
SEED = 0
BINS = 15
"""The usual number; the most probable of three outcomes has a third at least, so the lower ones are empty."""


def interval(values: Floats, prompts: Counts | None = None) -> Interval:
    """The mean of `values`, (n,), with its 95 % percentile bootstrap interval of RESAMPLES seeded resamples.

    `prompts`, (n,), numbers the prompt of each row, None where all differ: rows of one prompt are drawn together, as
    they are alike, and to take each for itself would make the interval too narrow (cluster bootstrap).
    """
    mean = float(values.mean())
    number = np.arange(len(values)) if prompts is None else np.unique(prompts, return_inverse=True)[1]
    sums, rows = np.bincount(number, values), np.bincount(number)
    if len(rows) < 2:
        return Interval(mean, None, None)
    # Batches bound the memory: 50 resamples of 57,477 rows are 46 MB.
    from scipy.stats import bootstrap  # half a second, which a report that was made before does not take

    found = bootstrap(
        (sums, rows),
        _mean_of_rows,
        n_resamples=RESAMPLES,
        batch=50,
        paired=True,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    return Interval(mean, *map(float, found.confidence_interval))


def standard_error(values: Floats, prompts: Counts | None = None) -> tuple[float | None, float]:
    """That of the mean of `values`, (n,), and its degrees of freedom. Rows of one prompt count as one draw, `prompts`
    as in `interval`; None where there is only one.

    Where one prompt has most rows, it tells most of the mean and little of how prompts differ: one less than Kish's
    effective number of prompts, n^2 / sum(rows of each^2), are free, which is one less than their number where all have
    as many (Carter, Schnepel and Steigerwald 2017).
    """
    number = np.arange(len(values)) if prompts is None else np.unique(prompts, return_inverse=True)[1]
    sums, rows = np.bincount(number, values - values.mean()), np.bincount(number)
    if len(rows) < 2:
        return None, 0.0
    error = np.sqrt((sums**2).sum() * len(rows) / (len(rows) - 1)) / len(values)
    return float(error), float(len(values) ** 2 / (rows**2).sum() - 1)


def _mean_of_rows(sums: Floats, rows: Counts, axis: int) -> Floats:
    mean: Floats = sums.sum(axis=axis) / rows.sum(axis=axis)
    return mean


def classes(evaluation: Evaluation) -> list[ClassFigures]:
    """Each outcome, in the order of the labels."""
    label, losses = evaluation.label, evaluation.losses
    predicted = evaluation.log_probabilities.argmax(axis=1)
    mean = evaluation.probabilities.mean(axis=0)
    return [
        ClassFigures(
            name=name,
            rows=int((label == number).sum()),
            predicted=int((predicted == number).sum()),
            mean_probability=float(mean[number]),
            log_loss=_mean(losses[label == number]),
            recall=_mean(predicted[label == number] == number),
            precision=_mean(label[predicted == number] == number),
            calibration=binned(evaluation.probabilities[:, number], label == number),
        )
        for number, name in enumerate(evaluation.outcomes.labels)
    ]


def confusion(evaluation: Evaluation) -> list[list[int]]:
    """Rows by outcome and most probable outcome, (outcomes, outcomes): scikit-learn's `confusion_matrix`."""
    size = len(evaluation.outcomes)
    places = evaluation.label * size + evaluation.log_probabilities.argmax(axis=1)
    counted: list[list[int]] = np.bincount(places, minlength=size * size).reshape(size, size).tolist()
    return counted


def calibration(evaluation: Evaluation) -> Calibration:
    """Of the most probable outcome."""
    return binned(evaluation.probabilities.max(axis=1), evaluation.is_right)


def binned(confidence: Floats, is_right: NDArray[np.bool_]) -> Calibration:
    """Of probabilities, (n,), and whether what they are given to came about, in BINS bins of equal width.

    If the probabilities are true, accuracy less confidence of n rows with confidences c is nearly normal with variance
    sum(c (1 - c)) / n^2, and the mean of its absolute value is sqrt(2 / pi) standard deviations (half-normal).
    """
    number = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    filled = [
        Bin(
            low=bin / BINS,
            high=(bin + 1) / BINS,
            rows=int((number == bin).sum()),
            confidence=float(confidence[number == bin].mean()),
            accuracy=float(is_right[number == bin].mean()),
        )
        for bin in np.unique(number).tolist()
    ]
    error = sum(bin.rows * abs(bin.accuracy - bin.confidence) for bin in filled) / len(confidence)
    variances = np.bincount(number, weights=confidence * (1 - confidence))
    by_chance = float(np.sqrt(2 / np.pi) * np.sqrt(variances).sum() / len(confidence))
    return Calibration(error, by_chance, BINS, filled)


def constant_log_loss(shares: Floats, label: Counts) -> float:
    """Log loss of always giving each outcome its share; infinite where one that occurs has none."""
    with np.errstate(divide="ignore"):
        return float(-np.log(shares)[label].mean())


def _mean(values: NDArray[np.generic]) -> float | None:
    return float(values.mean()) if len(values) else None


def references(
    evaluation: Evaluation, texts: Texts | None, prior: float | None, recipe: float | None
) -> list[Reference]:
    """`prior` is the log loss of the class shares as the run told it, None where it did not; `recipe` is what the
    published run has reached, None where it says nothing of these rows."""
    outcomes = evaluation.outcomes
    known = [Reference(outcomes.uniform, outcomes.uniform_log_loss, f"{outcomes.even} for each outcome")]
    if prior is not None:
        known.append(Reference("prior", prior, "the class shares of the training rows"))
    else:
        known.append(_prior(evaluation, texts))
    if texts is not None and (lengths := length_log_loss(evaluation, texts)) is not None:
        kind = "multinomial logistic regression" if len(outcomes) > 2 else "logistic regression"
        what = (
            f"{kind} on log(1 + characters) of prompt, A and B and on the absolute difference of those of A and B, "
            "standardised, fitted on the training rows"
        )
        known.append(Reference("lengths", lengths, what))
    if recipe is not None:
        known.append(Reference("recipe", recipe, "the published run, on its own evaluation rows"))
    return known


def _prior(evaluation: Evaluation, texts: Texts | None) -> Reference:
    """From the training rows where they are known, else from the evaluation rows: a little too good."""
    is_known = texts is not None and len(np.unique(texts.train_label)) == len(evaluation.outcomes)
    label = texts.train_label if texts is not None and is_known else evaluation.label
    shares = np.bincount(label, minlength=len(evaluation.outcomes)) / len(label)
    of = "the training rows" if is_known else "the evaluation rows themselves"
    return Reference("prior", constant_log_loss(shares, evaluation.label), f"the class shares of {of}")


def length_log_loss(evaluation: Evaluation, texts: Texts) -> float | None:
    """Log loss, on the evaluation rows, of what lengths alone tell; None where the training rows are too few, lack an
    outcome, or an evaluation row is not known."""
    if not texts.is_known.all():
        return None
    log_probabilities = fit_lengths(texts.train_characters, texts.train_label, len(evaluation.outcomes))
    if log_probabilities is None:
        return None
    return float(row_losses(log_probabilities(texts.characters), evaluation.label).mean())


Places = NDArray[np.intp]


def against(
    here: Evaluation, run: str, there: Evaluation, prompts: Counts | None = None
) -> tuple[Against, Places, Places]:
    """The comparison, and the places in `here` of the rows that only it has right, and that only the other has right;
    those with the largest difference first. `prompts` are those of `here`, as in `interval`.

    Raises DataError where the runs tell other outcomes apart, share no rows, or the rows have other winners.
    """
    if unlike_outcomes := difference([("this run", here.outcomes), (run, there.outcomes)]):
        raise DataError(f"{unlike_outcomes}: their log losses cannot be compared")
    places = {id: place for place, id in enumerate(there.id)}
    shared = sorted((isinstance(id, str), id, place) for place, id in enumerate(here.id) if id in places)
    mine = np.array([place for _, _, place in shared], dtype=np.intp)
    others = np.array([places[id] for _, id, _ in shared], dtype=np.intp)
    if not shared:
        raise DataError(f"{run} evaluated none of the rows of this run: there is nothing to compare row by row")
    if unlike := int((here.label[mine] != there.label[others]).sum()):
        raise DataError(f"{run} has a different winner in {unlike:,} of its rows: these are not the same rows")
    apart = here.losses[mine] - there.losses[others]
    right, right_there = here.is_right[mine], there.is_right[others]
    order = np.argsort(apart, kind="stable")
    gained, lost = order[(right & ~right_there)[order]], order[(~right & right_there)[order]][::-1]
    found = Against(
        run=run,
        rows=len(mine),
        only_here=len(here) - len(mine),
        only_there=len(there) - len(mine),
        difference=interval(apart, None if prompts is None else prompts[mine]),
        log_loss=float(here.losses[mine].mean()),
        other_log_loss=float(there.losses[others].mean()),
        accuracy=float(right.mean()),
        other_accuracy=float(right_there.mean()),
        gained=len(gained),
        lost=len(lost),
    )
    return found, mine[gained], mine[lost]
