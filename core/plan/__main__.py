"""Says what a profile would do: `python -P -m core.plan [--measure] RUNS PROFILE [section.key=value]...`.

Prints a `Plan` as JSON whenever more is known: rows, tokens, memory, time, disk, and at last the model's parameters.
RUNS is the folder of past runs. With --measure, a few real steps are run first, where no past run tells the speed.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from core.data.sources import read_run_examples
from core.data.template import TextMade
from core.data.tokenizer import FILE
from core.demo.assets import MAKING, eval_source, is_made, is_named_by, train_sources
from core.engine.choose import choose_engine, choose_precision, demand_computable
from core.engine.steps import optimizer_steps
from core.files import MOST_OF_A_CONFIG, read_bounded
from core.inspect.cuts import cut
from core.inspect.figures import read_rows
from core.inspect.inspection import inspect
from core.inspect.report import sides
from core.libraries import importing_libraries
from core.machine.gpus import look
from core.model.checkpoint import demand_weights
from core.model.head import find_head
from core.model.locate import base_folder, locate, tokenizer_folder
from core.model.shape import read_shape
from core.model.targets import demand_layers
from core.plan.history import measured_speed, measurements, past_runs, speed
from core.plan.needs import disk_plan, memory_plan, time_plan
from core.plan.protocol import Plan, TokensPlan
from core.plan.ranks import cards_here, count_ranks, exchange_seconds, plan_ranks
from core.profile.files import read_profile, rooted
from core.profile.load import parse_profile
from core.profile.settings import Profile
from core.protocol import answer, as_problem, end_once
from core.runs.settled import with_outcomes


def main(arguments: Sequence[str]) -> int:
    """Print what can be found out; a problem ends the plan and is part of it. Returns the exit code, 0, 1 or 2."""
    measuring = arguments[0] == "--measure"
    runs, path, *overrides = arguments[1:] if measuring else arguments
    file = read_profile(Path(path))
    profile = rooted(parse_profile(file.text, source=str(file.path), overrides=overrides), Path.cwd())
    last = Plan(global_batch=profile.global_batch)
    try:
        for last in plans(profile, Path(runs), measuring=measuring):
            answer(last)
    except Exception as error:  # noqa: BLE001  (whatever it is belongs in the plan)
        from core.failures.explain import explain

        why = explain(error, has_log=False)
        answer(replace(last, problem=as_problem(why.cause, why.advice), doing=""))
        return why.exit_code
    return 0


def plans(profile: Profile, runs: Path, *, measuring: bool) -> Iterator[Plan]:
    """The plan, fuller each time."""
    plan = Plan(global_batch=profile.global_batch, doing="reading the rows")
    if is_named_by(profile) and not is_made():
        plan = replace(plan, doing=MAKING)
    yield plan
    found = read_run_examples(train_sources(profile.data), eval_source(profile.data), profile, is_to_learn=True)
    plan = Plan(
        global_batch=profile.global_batch,
        doing="tokenizing the rows",
        read=found.read,
        leaks=found.leaks,
        taught=found.taught if profile.distill.teachers else None,
        rows_train=len(found.train),
        rows_eval=len(found.evaluation),
        steps=optimizer_steps(len(found.train), profile.train),
    )
    yield plan

    source = locate(profile.model)
    demand_weights(source, profile.model.checkpoint)
    folder = tokenizer_folder(source, profile.model.revision)
    tokens, lengths, text = _tokens(profile)
    plan = replace(plan, tokens=tokens, text=text, doing="looking at the machine and at past runs")
    yield plan

    profile = with_outcomes(profile, found.settled.outcomes)
    machine, ranks = look(runs), count_ranks(profile.run)
    if cards := cards_here(profile.run):  # the one with the least room decides for all
        machine = replace(machine, card=min(cards, key=lambda one: one.memory_free))
    if ranks > 1:
        made = plan_ranks(ranks, profile.run, machine.name, profile.global_batch, lengths, profile.train.seed)
        plan = replace(plan, ranks=made)
    best = machine.best_precision
    precision = choose_precision(profile.train.precision, best)
    demand_computable(precision, best)
    past = past_runs((runs, measurements()), machine.name)
    base = base_folder(source, profile.model.revision)  # the tokenizer may have been converted into another
    config_json = json.loads(read_bounded(base / "config.json", MOST_OF_A_CONFIG))
    shape = read_shape(config_json, profile.model)
    if shape is not None:
        demand_layers(profile.lora, shape.layers)
    engine = choose_engine(
        profile,
        config_json,
        precision=precision,
        best=best,
        longest=tokens.longest,
        free=machine.card.memory_free if machine.card else None,
    )
    if shape is not None:
        memory = memory_plan(profile, shape, machine, past, tokens.longest, engine, ranks // profile.run.nodes)
        saved = sum(path.stat().st_size for path in (folder / FILE, folder / "tokenizer_config.json") if path.is_file())
        plan = replace(
            plan,
            memory=memory,
            disk=disk_plan(
                profile, memory.parts, rows_eval=len(found.evaluation), tokenizer=saved, free=machine.disk_free
            ),
        )
        if plan.ranks is not None and machine.card is not None:
            gradients = memory.parts.gradients
            plan = replace(
                plan,
                ranks=replace(plan.ranks, gradients=gradients, exchange=exchange_seconds(gradients, ranks)),
            )
    known = speed(past, profile, precision, engine.name, ranks)
    if known is not None and known.ranks < ranks and machine.card is None:
        known = None  # ranks that share a processor are not so many times as fast
    if known is not None:
        plan = replace(plan, time=time_plan(plan, profile, known))
    plan = replace(plan, doing="running a few steps" if measuring and known is None else "building the model's shape")
    yield plan
    if measuring and known is None:
        known = measured_speed(profile, precision, engine.name, ranks)
        plan = replace(plan, time=time_plan(plan, profile, known), doing="building the model's shape")
        yield plan

    with importing_libraries():
        from core.model.load import lay_out, load_config
        from core.model.lora import adapters, add_adapters, head_names, parameter_counts
        from core.model.tokenizer import load_tokenizer

    config = load_config(source, profile.model, max_length=profile.tokens.max_length)
    load_tokenizer(folder, config)
    laid_out = lay_out(config, profile.model)
    head = find_head(base, head_names(laid_out)[-1], config.id2label)
    model = add_adapters(laid_out, profile.lora)
    named = adapters(model)
    trainable, total = parameter_counts(model)
    yield replace(
        plan,
        adapters=len(named),
        adapted=list(dict.fromkeys(named)),
        head=str(head),
        trainable_parameters=trainable,
        total_parameters=total,
        doing="",
    )


def _tokens(profile: Profile) -> tuple[TokensPlan, list[int], TextMade | None]:
    """What is said of tokens, the lengths of the training rows, and how the rows' text is made."""
    *_, last = inspect(profile)
    assert last.whole is not None
    assert last.frame is not None
    rows = read_rows(Path(last.whole))
    left = cut(rows, profile.tokens, last.frame)
    divided = sides(rows, profile)
    is_used = divided.train | divided.eval
    # As many tokens are shown of a row once A and B are swapped, but for the few that strategies and words decide.
    orders = 2 if profile.train.swap in ("both", "paired") else 1
    counted = TokensPlan(
        effective=round(orders * profile.train.epochs * int(left.shown[divided.train].sum())),
        evaluated=int(left.shown[divided.eval].sum()),
        longest=int(left.longest[is_used].max()),
        rows_over=int(left.is_over[is_used].sum()),
        response_b_lost=int(left.is_gone[is_used, 2].sum()),
        rows=int(is_used.sum()),
    )
    return counted, left.shown[divided.train].tolist(), last.text


if __name__ == "__main__":
    end_once()
    sys.exit(main(sys.argv[1:]))
