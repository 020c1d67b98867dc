"""The demo's preference rows: every text comes from the templates below, nothing is downloaded or copied."""

import csv
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

Turns = list[str | None]

TRAIN_ROWS = 500
TEST_ROWS = 40


class Topic(NamedTuple):
    """What one conversation is about, as phrases that fit the templates below."""

    task: str
    tools: str
    step: str
    check: str


TOPICS = (
    Topic("bake rye bread", "flour, yeast and a warm bowl", "knead the dough", "the crust sounds hollow"),
    Topic("fix a flat bicycle tyre", "a patch kit and two levers", "find the leak", "the tube stays firm"),
    Topic("sort a list in Python", "a short script", "call sorted with a key", "the order looks right"),
    Topic("write a cover letter", "the job advert", "name two proud results", "it fits on one page"),
    Topic("remove a coffee stain", "cold water and mild soap", "dab it softly", "the cloth stays clean"),
    Topic("teach a puppy to sit", "small treats", "reward every calm try", "it sits without a treat"),
    Topic("plan a monthly budget", "your bank statements", "group the costs", "some money is left over"),
    Topic("learn Spanish verbs", "a stack of cards", "repeat ten verbs a day", "you can tell a short story"),
    Topic("grow tomatoes at home", "a deep pot and compost", "water at the roots", "the first flowers open"),
    Topic("tune a guitar", "a clip-on tuner", "turn each peg gently", "an open chord rings true"),
    Topic("speed up a slow query", "the query plan", "add an index on the key", "the scan disappears"),
    Topic("brew green tea", "fresh leaves and a kettle", "let the water cool", "the cup tastes sweet"),
    Topic("explain gravity to a child", "a ball and a spoon", "drop both together", "they can tell it back"),
    Topic("paint a wooden door", "sandpaper and a brush", "sand along the grain", "the colour looks even"),
    Topic("train for a long run", "good shoes", "add a little distance each week", "you can still talk"),
    Topic("solve a linear equation", "pencil and paper", "move the unknown to one side", "both sides agree"),
    Topic("store old photographs", "flat boxes", "keep the prints dry and dark", "no corner curls"),
    Topic("cook rice on a stove", "a pot with a lid", "simmer on low heat", "every grain is soft"),
    Topic("undo a commit in git", "a clean working tree", "revert the bad commit", "the log shows it"),
    Topic("sleep better at night", "a dark and quiet room", "put the phone away early", "you wake up rested"),
)

QUESTIONS = (
    "How do I {task}?",
    "What is the best way to {task}?",
    "Can you show me how to {task}?",
    "I would like to {task}. Where should I begin?",
    "Please explain in a few words how to {task}.",
)
FOLLOW_UPS = (
    "Thanks. What should I watch out for?",
    "And what if it goes wrong?",
    "How long does that take?",
    "Is there an easier way?",
)
BACKGROUND = (
    "I have tried this twice already and it did not go well.",
    "My neighbour told me one thing and my sister told me another.",
    "There is no hurry, since I have the whole weekend free.",
    "I do not want to spend much money on it.",
    "Last year I gave up halfway and still regret it.",
    "My kitchen table is the only place where I can work.",
    "A friend will visit on Sunday and would like to join in.",
)
# GOOD and BAD are in the order in which a person would say these things.
GOOD = (
    "Happy to help you {task}!",
    "Great question, here is a clear plan.",
    "First, get {tools} ready.",
    "Next, {step}, and take your time.",
    "Careful work pays off here, so follow the order above.",
    "Plan about {minutes} minutes in total.",
    "You will know that it worked when {check}.",
    "Please ask again if anything is unclear, and I will gladly explain.",
)
BAD = (
    "Why would anyone want to {task}?",
    "What a boring question.",
    "I have no idea and refuse to look it up.",
    "Just guess, it hardly matters.",
    "Maybe yes, maybe no, who knows.",
    "Obviously you need {wrong_tools}, duh.",
    "People like you never manage that anyway.",
    "Whatever, stop bothering me.",
)
NEUTRAL = (
    "You asked how to {task}.",
    "Many people try to {task}.",
    "There are several opinions about this.",
)
HALF_EMOJI = "\ud83d"
EMOJI = ("\U0001f600", "\U0001f680", "\U0001f44d", "\U0001f9e1")
MODELS = ("alder-2b", "birch-7b", "cedar-9b", "hazel-13b", "maple-34b", "rowan-70b")


@dataclass
class Comparison:
    """One conversation answered by two models; each list holds one item per turn."""

    prompt: Turns
    response_a: Turns
    response_b: Turns
    winner: int
    """0 when A won, 1 when B won, 2 for a tie."""


def write_rows(folder: Path, rng: random.Random) -> None:
    """Write train.csv and test.csv, in the Kaggle schema."""
    train = [make_comparison(rng) for _ in range(TRAIN_ROWS)]
    test = [make_comparison(rng) for _ in range(TEST_ROWS)]
    for row in rng.sample(train, 2):
        # Real exports hold such halves, which no tokenizer accepts as they are.
        row.prompt[0] = f"{row.prompt[0]} {HALF_EMOJI}"
    ids = _draw_ids(rng, TRAIN_ROWS + TEST_ROWS)
    test_records = [{"id": id_, **_text_columns(row)} for id_, row in zip(ids[:TEST_ROWS], test, strict=True)]
    train_records = [_train_record(rng, id_, row) for id_, row in zip(ids[TEST_ROWS:], train, strict=True)]
    _write_csv(folder / "test.csv", test_records)
    _write_csv(folder / "train.csv", train_records)


def make_comparison(rng: random.Random) -> Comparison:
    """Draw one comparison: a helpful answer beats a rude, evasive, wrong or empty one, and equals tie.

    A and B are drawn alike, so position carries no hint. One verdict in twelve is random, as human verdicts
    are noisy, which keeps the best reachable log loss near 0.25.
    """
    topic, wrong = rng.sample(TOPICS, 2)
    fields = topic._asdict() | {"wrong_tools": wrong.tools}
    turns = rng.randint(2, 4) if rng.random() < 0.1 else 1
    winner = rng.randrange(3)
    tie_is_good = rng.random() < 0.5
    good_a, good_b = ((True, False), (False, True), (tie_is_good, tie_is_good))[winner]

    questions = [rng.choice(QUESTIONS), *rng.sample(FOLLOW_UPS, turns - 1)]
    if rng.random() < 0.09:
        # A long story first, so that a short context cuts off part of response B.
        questions[0] = " ".join([*rng.sample(BACKGROUND, rng.randint(4, 7)), questions[0]])
    return Comparison(
        prompt=[question.format(**fields) for question in questions],
        response_a=_draw_answer(rng, good_a, turns, fields),
        response_b=_draw_answer(rng, good_b, turns, fields),
        winner=rng.randrange(3) if rng.random() < 1 / 12 else winner,
    )


def _draw_answer(rng: random.Random, good: bool, turns: int, fields: dict[str, str]) -> Turns:
    pool = GOOD if good else BAD
    count = turns if turns > 1 else rng.randint(2, 3)
    said = [pool[i] for i in sorted(rng.sample(range(len(pool)), count))]
    if rng.random() < 0.3:
        said[0] = f"{rng.choice(NEUTRAL)} {said[0]}"
    if rng.random() < 0.03:
        said[-1] = f"{said[-1]} {rng.choice(EMOJI)}"
    minutes = rng.randrange(10, 95, 5)
    said = [sentence.format(minutes=minutes, **fields) for sentence in said]
    answer: Turns = [*said] if turns > 1 else [" ".join(said)]
    if not good and rng.random() < 0.03:
        answer[-1] = rng.choice((None, ""))
    return answer


def _draw_ids(rng: random.Random, count: int) -> list[int]:
    """Draw unique ids in no order, a quarter of them too large for 32 bits and for an exact float."""
    large = count // 4
    ids = rng.sample(range(2**32), count - large) + rng.sample(range(2**53, 2**63), large)
    rng.shuffle(ids)
    return ids


def _train_record(rng: random.Random, id_: int, row: Comparison) -> dict[str, object]:
    model_a, model_b = rng.sample(MODELS, 2)
    winners = ("winner_model_a", "winner_model_b", "winner_tie")
    verdict = {name: int(row.winner == i) for i, name in enumerate(winners)}
    return {"id": id_, "model_a": model_a, "model_b": model_b, **_text_columns(row), **verdict}


def _text_columns(row: Comparison) -> dict[str, object]:
    # json escapes everything beyond ASCII, so half an emoji passes through the file unharmed.
    return {name: json.dumps(getattr(row, name)) for name in ("prompt", "response_a", "response_b")}


def _write_csv(path: Path, records: list[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
