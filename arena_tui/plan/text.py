"""A plan in figures and words: what will run, what it needs and how long it takes, each with its basis."""

from collections import Counter
from collections.abc import Sequence

from arena_tui.format.numbers import MISSING, count, counted, duration, gib, rounded, share
from arena_tui.format.sanitize import printable
from arena_tui.widgets.facts import Fact
from core.data.example import RowsRead, settled
from core.data.template import TextMade
from core.outcomes import outcomes_of
from core.plan.protocol import DiskPlan, MemoryPlan, Plan, RanksPlan, TimePlan, TokensPlan
from core.profile.distill_settings import Distill
from core.profile.division import held_out, unused_split
from core.profile.settings import Profile

PARTS = ("weights", "adapters and their gradients", "optimizer", "activations", "workspace")
FEW = 4
"""Ranks whose shares of a step are told one by one."""
UNKNOWN_TIME = "no run of this kind on this machine yet"


ORDERS = {
    "random": "A and B are swapped in half of the rows",
    "both": "each row twice, once with A and B swapped",
    "paired": "both orders of a row in the same step",
    "bradley-terry": "each answer is read apart, and none comes first",
}
"""Of A and B in training, but for that of the rows, by `train.swap` or `model.head`."""


def lines(plan: Plan, profile: Profile, waiting: str, *, is_brief: bool) -> list[Fact]:
    """The plan so far; `waiting` stands where a figure is not known. In brief the parts of the memory are in a row."""
    train = profile.train
    evaluated = (f"eval, {held_out(profile)}", unused_split(profile))
    epochs = f"{train.epochs:g} epoch{'' if train.epochs == 1 else 's'}"
    return [
        ("rows", _count(plan.rows_train, waiting), "train"),
        ("", _count(plan.rows_eval, waiting), printable("; ".join(filter(None, evaluated)))),
        *_leaks(plan, profile),
        *_taught(plan, profile.distill),
        (
            "steps",
            _count(plan.steps, waiting),
            f"of {plan.global_batch} = {train.per_device_batch_size} × {train.gradient_accumulation}, {epochs}",
        ),
        *[("order", asked, ORDERS[asked]) for asked in (train.swap, profile.model.head) if asked in ORDERS],
        *([("early stop", str(train.early_stop), "evaluations without a gain end it")] if train.early_stop else []),
        *_ranks(plan.ranks, plan.global_batch, is_brief=is_brief),
        *([] if is_brief else _read(plan.read, profile.data.sources)),
        *([] if is_brief else _text(plan.text)),
        *_tokens(plan.tokens, waiting),
        *_memory(plan.memory, waiting, is_brief=is_brief),
        *_time(plan.time, waiting if plan.memory is None else "unknown"),
        *_disk(plan.disk, waiting),
        ("trainable", _count(plan.trainable_parameters, waiting), _of_parameters(plan)),
        ("adapters", _count(plan.adapters, waiting), _adapted(plan)),
        ("engine", *_engine(plan.memory, waiting)),
    ]


def _ranks(ranks: RanksPlan | None, batch: int, *, is_brief: bool) -> list[Fact]:
    """On what several ranks compute, how they share a step, what they exchange, and that some have nothing to do."""
    if ranks is None:
        return []
    machines = f"{ranks.nodes} machines, " if ranks.nodes > 1 else ""
    each = _shares(ranks.examples)
    told = [
        ("ranks", count(ranks.count), f"{machines}on {printable(ranks.device)}: {each} of {batch} a step"),
        ("", share(ranks.balance, 1), "of the time computing, else waiting"),
    ]
    if ranks.idle:
        way_out = f"run.gpus = {batch}" if ranks.nodes == 1 else "fewer cards or machines"
        told.append(
            ("", count(ranks.idle), f"idle: a step has {counted(batch, 'example')}; {way_out} leaves none idle")
        )
    if ranks.gradients is not None and ranks.exchange is not None and not is_brief:
        speed = f"{ranks.link / 1e9:.0f} GB/s"
        told.append(
            ("exchange", gib(ranks.gradients), f"of gradients a step, {1000 * ranks.exchange:.1f} ms at {speed}")
        )
    return told


def _shares(examples: Sequence[int]) -> str:
    """Examples by rank, 3 + 3 + 2; of many ranks how many have so many each."""
    if len(examples) <= FEW:
        return " + ".join(map(str, examples))
    return ", ".join(f"{counted(many, 'rank')} with {share}" for share, many in Counter(examples).items() if share)


def _read(read: Sequence[RowsRead], sources: Sequence[str]) -> list[Fact]:
    """What the rows of each source were taken for, and how many outcomes they have."""
    if not read:
        return []
    found = settled(read)
    labels = outcomes_of(found.outcomes).labels
    outcomes = ("outcomes", str(len(labels)), f"{', '.join(labels)}: {printable(found.why)}")
    if len(read) == 1:
        return [
            ("read as", read[0].format, f"{read[0].how}{read[0].dropped}{read[0].in_training}; {read[0].files}"),
            outcomes,
        ]
    return [
        *(
            ("read" if number == 0 else "", count(one.rows), f"of {printable(name)}: {one}")
            for number, (name, one) in enumerate(zip(sources, read, strict=False))
        ),
        outcomes,
    ]


def _leaks(plan: Plan, profile: Profile) -> list[Fact]:
    """Rows of data.train whose prompt is evaluated too."""
    if not plan.leaks:
        return []
    ending = "left out" if profile.data.drop_leaks else "data.drop_leaks leaves them out"
    return [("leaks", count(plan.leaks), f"train rows with a prompt of data.eval; {ending}")]


def _taught(plan: Plan, distill: Distill) -> list[Fact]:
    """Rows to train on that teachers tell of, and what their word counts."""
    if plan.taught is None:
        return []
    at = "" if distill.temperature == 1 else f" at temperature {distill.temperature:g}"
    teachers = counted(len(distill.teachers), "teacher")
    return [("taught", count(plan.taught), f"by {teachers}; weight {distill.weight:g}, {distill.kind}{at}")]


def _text(text: TextMade | None) -> list[Fact]:
    """How the rows' text is made."""
    return [("text", text.kind, printable(str(text)))] if text else []


def cut_warning(tokens: TokensPlan, max_length: int) -> str:
    """How much of the rows the model will not see, in a sentence; empty where nothing is cut."""
    if not tokens.rows_over:
        return ""
    words = f"{share(tokens.rows_over, tokens.rows)} of rows exceed {count(max_length)} tokens"
    if tokens.response_b_lost:
        words += f"; {share(tokens.response_b_lost, tokens.rows)} show nothing of response B"
    return words


def verdict(memory: MemoryPlan) -> str:
    """Whether it fits, in words, with the smallest change that makes it fit."""
    if here := memory.processor:
        many = f" for {here.processes} such processes" if here.processes > 1 else ""
        return f"{here.verdict}: {gib(here.free)} free{many}; the processor computes in {here.precision}"
    if memory.verdict is None or memory.free is None:
        return "no GPU here to compare with"
    words = f"{memory.verdict}: {gib(memory.free)} free on {printable(memory.card or '')}"
    if memory.verdict == "fits":
        return words
    if memory.change is None:
        return f"{words}; no smaller batch, checkpointing or shorter length helps"
    return f"{words}; fits with {', '.join(memory.change)}"


def _tokens(tokens: TokensPlan | None, waiting: str) -> list[Fact]:
    if tokens is None:
        return [("tokens", waiting, "effective, in all epochs")]
    return [("tokens", rounded(tokens.effective), f"effective; longest row {count(tokens.longest)}")]


def _memory(memory: MemoryPlan | None, waiting: str, *, is_brief: bool) -> list[Fact]:
    """The peak, what it is made of, and what it is estimated for. As many lines before it is known as after."""
    if memory is None:
        peak: Fact = ("peak memory", waiting, "")
        return [peak, ("", waiting, "")] if is_brief else [peak, *(("", MISSING, part) for part in PARTS), ("", "", "")]
    here = memory.processor
    parts = here.parts if here else memory.parts
    figures = [gib(parts.weights), gib(parts.adapters + parts.gradients), gib(parts.optimizer), gib(parts.activations)]
    figures.append(gib(parts.workspace + parts.process))
    named = [*PARTS[:-1], "Python with its libraries and threads"] if here else PARTS
    peak = ("peak memory", gib(parts.total if here else memory.peak), verdict(memory))
    if is_brief:
        short = ", ".join(f"{name.split()[0]} {figure}" for figure, name in zip(figures, named, strict=True))
        return [peak, ("", short, "")]
    elsewhere = ("", gib(memory.peak), f"on a GPU instead, in {memory.precision}")
    return [
        peak,
        *(("", figure, name) for figure, name in zip(figures, named, strict=True)),
        elsewhere if here else ("", "", memory.basis),
    ]


def _engine(memory: MemoryPlan | None, waiting: str) -> tuple[str, str]:
    return ("packed" if memory.is_packed else "padded", memory.engine_reason) if memory else (waiting, "")


def _time(time: TimePlan | None, waiting: str) -> list[Fact]:
    if time is None:
        return [("time", waiting, UNKNOWN_TIME if waiting == "unknown" else "")]
    beside = f"including {duration(time.evaluation)} evaluation; {printable(time.basis)}"
    return [("time", duration(time.seconds), beside)]


def _disk(disk: DiskPlan | None, waiting: str) -> list[Fact]:
    if disk is None:
        return [("disk", waiting, "")]
    room = "free" if disk.needed < disk.free else "free: NOT ENOUGH"
    return [("disk", gib(disk.needed), f"a checkpoint {gib(disk.checkpoint)}; {gib(disk.free)} {room}")]


def _of_parameters(plan: Plan) -> str:
    if plan.trainable_parameters is None or plan.total_parameters is None:
        return "parameters"
    whole = plan.total_parameters
    return f"of {count(whole)} parameters, {share(plan.trainable_parameters, whole)}"


def _adapted(plan: Plan) -> str:
    """What has adapters, and what becomes of the head."""
    if plan.adapters is None:
        return "on projections, and a head"
    return printable(f"on {', '.join(plan.adapted)}; {plan.head}")


def _count(known: int | None, waiting: str) -> str:
    return waiting if known is None else count(known)


def as_text(plan: Plan, profile: Profile) -> str:
    """The plan for a plain terminal."""
    told = lines(plan, profile, MISSING, is_brief=False)
    width = max(len(figure) for _, figure, beside in told if figure)
    text = [f"{label:<12} {figure:>{width}}  {beside}".rstrip() for label, figure, beside in told]
    if plan.tokens and (warning := cut_warning(plan.tokens, profile.tokens.max_length)):
        text.append(f"! {warning}")
    if plan.problem:
        text.append(f"✗ {printable(plan.problem)}")
    return "\n".join(text)
