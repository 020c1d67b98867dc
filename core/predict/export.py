"""Takes a run out of the house: `python -P -m core.predict.export RUN_DIR ADAPTER [--merged DIR] [--push REPO]
[--kaggle DIR]`.

Prints Exported, one JSON object, at the end.
"""

import argparse
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from core.files import as_their_folder, aside_of
from core.libraries import importing_libraries
from core.outcomes import Outcomes, outcomes_of
from core.predict.errors import BAD_INPUT, PredictionError, demand_whole, in_words, unchecked
from core.predict.kaggle import write_kaggle
from core.predict.protocol import Exported
from core.protocol import answer, as_problem, end_once
from core.runs.access import is_file, read_whole
from core.runs.folder import RunFolder
from core.runs.seal import has_checksums
from core.runs.settled import read_settled
from core.train.model_card import CARD
from core.train.model_use import USE_OF_ADAPTER, USE_OF_MERGED, USE_OF_OWN_ADAPTER, USE_OF_OWN_MERGED, fitting


def main(arguments: Sequence[str]) -> int:
    """Export, and return the exit code; a problem is part of what is printed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("--merged", type=Path)
    parser.add_argument("--push")
    parser.add_argument("--kaggle", type=Path)
    options = parser.parse_args(arguments)
    made, exit_code = Exported(), 0
    try:
        if options.merged:
            merge_into(options.merged, RunFolder(options.run), options.adapter)
            made = Exported(folder=str(options.merged))
        if options.kaggle:
            write_kaggle(options.kaggle, RunFolder(options.run), options.adapter)
            made = replace(made, kaggle=str(options.kaggle))
        if not has_checksums(options.adapter):
            print(unchecked(options.adapter), file=sys.stderr)
        if options.push:
            demand_whole(options.adapter)
            made = replace(made, url=push(options.merged or options.adapter, options.push))
    except Exception as error:  # noqa: BLE001  (whatever it is, the reader is waiting for it)
        why = in_words(error)
        made = replace(made, problem=as_problem(why.cause, why.advice))
        exit_code = why.exit_code
    answer(made)
    return exit_code


def merge_into(target: Path, run: RunFolder, adapter: Path) -> None:
    """Write base and adapter as one 16-bit checkpoint to `target`, which appears whole. Raises PredictionError."""
    if target.exists() or target.is_symlink():
        raise PredictionError(f"{target} already exists", "Choose a folder that does not exist yet.", BAD_INPUT)

    with importing_libraries():
        from core.engine import device
        from core.engine.choose import choose_precision
        from core.model.merge import merged
        from core.predict.model import load_trained, sixteen_bits

    profile = read_settled(run)
    device.use_one_gpu()
    where, precision = device.device(), choose_precision(profile.train.precision, device.best_precision())
    trained, tokenizer = load_trained(profile, adapter, precision=precision, kind=where.kind)
    whole = merged(trained, dtype=sixteen_bits(precision))
    aside = aside_of(target)
    aside.mkdir()
    try:
        whole.save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        as_their_folder(aside)
        if is_file(adapter / CARD):
            text = read_whole(adapter / CARD).decode(errors="replace")
            (aside / CARD).write_text(as_merged(text, outcomes_of(profile.model.outcomes)), encoding="utf-8")
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def as_merged(card: str, outcomes: Outcomes) -> str:
    """The card of an adapter, for the checkpoint that it was merged into."""
    return (
        card.replace("library_name: peft", "library_name: transformers")
        .replace("An adapter for", "Base and adapter merged into 16-bit weights; the adapter was for")
        .replace(fitting(USE_OF_ADAPTER, outcomes), fitting(USE_OF_MERGED, outcomes))
        .replace(fitting(USE_OF_OWN_ADAPTER, outcomes), fitting(USE_OF_OWN_MERGED, outcomes))
    )


def push(folder: Path, repository: str) -> str:
    """Upload a folder to a private repository of the Hugging Face hub, made if need be; returns its address.

    Raises PredictionError.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    api = HfApi()
    try:
        api.whoami()
        api.create_repo(repository, private=True, exist_ok=True)
        return str(api.upload_folder(repo_id=repository, folder_path=folder))
    except LocalTokenNotFoundError:
        raise PredictionError("not logged in to the Hugging Face hub", "Run `hf auth login` here.") from None
    except HFValidationError as error:
        raise PredictionError(str(error), "A repository is named owner/name.", BAD_INPUT) from None
    except HfHubHTTPError as error:
        raise PredictionError(
            f"the hub refuses {repository}: {str(error).splitlines()[0]}", "Check its name and your login."
        ) from None
    except Exception as error:  # noqa: BLE001  (the client's transport has its own, which change with its versions)
        again = f"`hf upload {repository} {shlex.quote(str(folder))} --private`"
        raise PredictionError(
            f"the Hugging Face hub cannot be reached: {type(error).__name__}: {error}",
            f"Check the network; {again} tries again.",
        ) from None


if __name__ == "__main__":
    end_once()
    sys.exit(main(sys.argv[1:]))
