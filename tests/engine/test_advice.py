"""What a failure says to the user: cause, advice and exit code, found through whatever wrapped it."""

import errno
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from core.data.errors import DataError
from core.model.locate import locate
from core.profile import settings
from core.profile.errors import SettingError
from core.train.advice import explain


def hub_error(kind: type[Exception], message: str) -> Exception:
    """An error of the hub without the HTTP response it is made from."""
    error = kind.__new__(kind)
    error.args = (message,)
    return error


OUT_OF_MEMORY = "CUDA out of memory. Tried to allocate 9.5 GiB. GPU 0 has a total capacity of 15 GiB of which 1 is free"


@pytest.mark.parametrize(
    ("error", "cause", "advice", "code"),
    [
        (DataError("a.csv, line 3: bad"), "a.csv, line 3: bad", "Correct the file", 2),
        (SettingError("lora.r", 3, "too small"), "lora.r = 3: too small", "Change this setting", 2),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.5 GiB. GPU 0 has"),
            "allocate 9.5 GiB",
            "per_device_batch_size",
            1,
        ),
        (MemoryError(), "the machine's memory ran out", "per_device_batch_size", 1),
        (OSError(errno.ENOSPC, "No space left on device"), "no space is left", "resume the run", 1),
        (hub_error(GatedRepoError, "403 Client Error"), "gated", "Accept its licence", 1),
        (hub_error(RepositoryNotFoundError, "404"), "no such checkpoint", "spelling", 1),
        (ConnectionError("refused"), "cannot be reached", "local folder", 1),
        (RuntimeError("cuBLAS\nlong story"), "RuntimeError: cuBLAS", "console.log", 1),
        (RuntimeError(), "RuntimeError: RuntimeError", "console.log", 1),
    ],
)
def test_cause_and_advice(error: Exception, cause: str, advice: str, code: int) -> None:
    why = explain(error)
    assert cause in why.cause
    assert advice in why.advice
    assert why.exit_code == code


def test_the_root_of_a_chain_says_most() -> None:
    try:
        try:
            raise hub_error(GatedRepoError, "403 Client Error")
        except GatedRepoError as gated:
            raise OSError("You are trying to access a gated repo.") from gated
    except OSError as error:
        assert "gated" in explain(error).cause
        assert "hf auth login" in explain(error).advice


@pytest.mark.parametrize("checkpoint", ["/nowhere/at/all", "./here", "../up", "a/b/c", "~/models/x"])
def test_a_path_to_nothing_is_not_looked_for_on_the_hub(checkpoint: str) -> None:
    with pytest.raises(SettingError, match="there is no such folder"):
        locate(settings.Model(checkpoint=checkpoint))


def test_a_hub_id_and_a_folder_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate(settings.Model(checkpoint="google/gemma-2-9b-it")) == "google/gemma-2-9b-it"
    (tmp_path / "google" / "gemma-2-9b-it").mkdir(parents=True)
    assert locate(settings.Model(checkpoint="google/gemma-2-9b-it")) == str(tmp_path / "google" / "gemma-2-9b-it")


def test_a_gguf_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"model.gguf_file = 'absent.gguf': there is no file"):
        locate(settings.Model(checkpoint=str(tmp_path), gguf_file="absent.gguf"))
