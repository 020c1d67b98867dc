"""The model card of an adapter: README.md in its folder, for whoever is given it. Holds no path of this machine."""

import hashlib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from msgspec.structs import replace

from core.data.chat import template_of
from core.data.template import Template
from core.data.tokenizer import PromptTokenizer
from core.demo import assets
from core.outcomes import Outcomes, outcomes_of
from core.profile.division import held_out, in_training, limited
from core.profile.load import to_toml
from core.profile.settings import Profile
from core.runs.access import write_whole
from core.runs.metrics import Metrics
from core.runs.process import PACKAGES
from core.train.model_use import APART, USE_OF_ADAPTER, USE_OF_OWN_ADAPTER, fitting, literal, scoring

CARD = "README.md"


def save_card(
    adapter: Path, profile: Profile, metrics: Metrics, *, by_auto_class: bool, average_of: Sequence[str]
) -> None:
    """Write the card into the adapter's folder. Raises OSError."""
    template = template_of(profile, PromptTokenizer(adapter))
    text = card(profile, metrics, template, by_auto_class=by_auto_class, average_of=average_of)
    write_whole(adapter / CARD, text.encode())


def card(
    profile: Profile, metrics: Metrics, template: Template, *, by_auto_class: bool, average_of: Sequence[str]
) -> str:
    """Markdown with what the hub reads of a card before it. `template` makes the text that the run has read, and
    `by_auto_class` says whether transformers has a text classifier for the base as a whole. `average_of` are the runs
    whose adapters were averaged; none where it was trained."""
    shared, outcomes = _without_paths(profile), outcomes_of(profile.model.outcomes)
    base = shared.model.checkpoint
    versions = "\n".join(f"- {name} {metadata.version(name)}" for name in PACKAGES)
    limit = f"; {limited(profile.data)}" if limited(profile.data) else ""
    made = f"the average of those of the runs {', '.join(average_of)}, made" if average_of else "trained"
    counted = in_training(profile.data)
    read = template.text(["…"], ["…"], [] if template.is_apart else ["…"])
    return f"""---
base_model: {base}
library_name: peft
pipeline_tag: text-classification
tags: [human-preference, lora]
---

# {metrics.run}

Says of a prompt and two answers which of them a person prefers: {_classes(outcomes)}. An adapter for
`{base}` ({_held(shared)}), {made} with arena-tui. It reads
`{literal(read)[1:-1]}` between BOS and EOS, which the tokenizer adds, in training at
most {profile.tokens.max_length:,} tokens of it.

```python
{fitting(USE_OF_ADAPTER if by_auto_class else USE_OF_OWN_ADAPTER, outcomes)}{scoring(template, outcomes)}```
{APART if template.is_apart else ""}
## Evaluation

{_evaluation(shared, metrics, outcomes)}

## Data

{_data(profile)}{limit}.{f" Note: {counted}." if counted else ""}

## Settings

```toml
{to_toml(shared).strip().replace("`", _BACKTICK_IN_TOML)}
```

## Versions

{versions}
"""


_BACKTICK_IN_TOML = "\\u0060"


def _classes(outcomes: Outcomes) -> str:
    return ", ".join(["class 0 is A", "1 is B", "2 a tie"][: len(outcomes)])


def _evaluation(shared: Profile, metrics: Metrics, outcomes: Outcomes) -> str:
    """What the run came to; `shared` names no path of this machine."""
    sizes = f"| rows trained on | {metrics.rows_train:,} |\n| steps | {metrics.steps:,} |"
    if metrics.accuracy is None or metrics.prior_log_loss is None:
        return f"Nothing was evaluated: it was trained on all rows.\n\n| figure | value |\n| --- | --- |\n{sizes}"
    log_loss = "not finite" if metrics.log_loss is None else f"{metrics.log_loss:.4f}"
    dropped = ", whose prompts were left out of the training rows" if shared.data.drop_leaks else ""
    own = f"`{shared.data.eval}`{dropped}"
    evaluated = own if shared.data.eval else f"{held_out(shared)}, held out from the same rows"
    return f"""| figure | value |
| --- | --- |
| log loss | {log_loss} |
| always answering the class shares | {metrics.prior_log_loss:.4f} |
| {outcomes.even} for each class | {outcomes.uniform_log_loss:.4f} |
| accuracy | {metrics.accuracy:.4f} |
| rows evaluated | {metrics.rows_eval:,} |
{sizes}

On {evaluated}."""


def _data(profile: Profile) -> str:
    """Each source by its name, with a digest of its content where it is a file."""
    sources = [*assets.train_sources(profile.data), *filter(None, [assets.eval_source(profile.data)])]
    names = map(_name, profile.data.sources)
    return "; ".join(f"`{name}`{_digest(source)}" for name, source in zip(names, sources, strict=True))


def _without_paths(profile: Profile) -> Profile:
    """The settings with the last part of what is a path here; a name on the hub stays whole."""
    data, model = profile.data, profile.model
    is_here = Path(model.checkpoint).exists()
    return replace(
        profile,
        data=replace(
            data,
            train=_name(data.train) if isinstance(data.train, str) else [_name(source) for source in data.train],
            eval=data.eval and _name(data.eval),
            test=_name(data.test),
        ),
        model=replace(model, checkpoint=Path(model.checkpoint).name if is_here else model.checkpoint),
    )


def _name(source: str) -> str:
    """A file's name; a data set's id, which is no path here, stays whole."""
    return (
        source if "/" in source and not Path(source).is_absolute() and not Path(source).exists() else Path(source).name
    )


def _digest(source: str) -> str:
    path = Path(source)
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return f", SHA-256 `{hashlib.file_digest(file, 'sha256').hexdigest()}`"


def _held(profile: Profile) -> str:
    match profile.model.quantization:
        case "nf4":
            return "quantized to NF4"
        case "int8":
            return "quantized to 8 bit"
        case "none":
            return "not quantized"
