"""Says what a profile would do: `python -P -m core.train.plan PROFILE [section.key=value]...`.

Prints a `Plan` as JSON once the rows are counted, and again once the model has been laid out on the meta device.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from core.profile.files import read_profile
from core.profile.load import parse_profile
from core.runs.plan import Plan
from core.train.steps import optimizer_steps


def main(arguments: Sequence[str]) -> None:
    """Print what can be found out; a problem ends the plan and is part of it."""
    file = read_profile(Path(arguments[0]))
    profile = parse_profile(file.text, source=str(file.path), overrides=arguments[1:])
    plan = Plan(global_batch=profile.global_batch)
    try:
        from core.data.rows import read_examples
        from core.data.split import split
        from core.demo.assets import rows_source

        train_rows, eval_rows = split(read_examples(rows_source(profile.data), profile.data.limit), profile.split)
        plan = replace(
            plan,
            rows_train=len(train_rows),
            rows_eval=len(eval_rows),
            steps=optimizer_steps(len(train_rows), profile.train),
        )
        _print(plan)

        from core.model.load import lay_out, load_config, load_tokenizer
        from core.model.locate import locate, tokenizer_folder
        from core.model.lora import add_adapters, parameter_counts

        source = locate(profile.model)
        pad = load_tokenizer(tokenizer_folder(source, profile.model.revision)).pad_token_id
        config = load_config(source, profile.model, max_length=profile.tokens.max_length, pad_token_id=pad)
        trainable, total = parameter_counts(add_adapters(lay_out(config, profile.model), profile.lora))
        plan = replace(plan, trainable_parameters=trainable, total_parameters=total)
    except Exception as error:  # noqa: BLE001  (whatever it is belongs in the plan)
        from core.train.advice import explain

        why = explain(error)
        plan = replace(plan, problem=f"{why.cause.rstrip('.')}. {why.advice}")
    _print(plan)


def _print(plan: Plan) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(plan) + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
