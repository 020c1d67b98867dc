"""What the Hugging Face hub refuses, and why: a checkpoint that is not there, is gated, or cannot be had just now."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from core.failures.explanation import BAD_INPUT, Explanation

if TYPE_CHECKING:
    from httpx2 import Response

ASKED = re.compile(r"(?:/api/(?:models|datasets))?/(?P<id>[^/]+/[^/]+)/(?:revision|resolve|tree)/(?P<revision>[^/]+)")
"""The path of a request: of what, and of which revision."""
LOGIN = "`hf auth login`, or HF_TOKEN"
NOBODY, TOO_MANY = 401, 429
STAYS = "Whole files that are downloaded already stay."
ANOTHER_PLACE = "Check the network, or point model.checkpoint at a local folder."


def refused(chain: Sequence[BaseException]) -> Explanation | None:
    """What the hub, or what stands before it, says in a chain of errors, the outermost first; None if it says
    nothing."""
    for link in chain:
        match link:
            case OfflineModeIsEnabled():
                return Explanation(
                    "HF_HUB_OFFLINE is set, and not all of the checkpoint is here",
                    "Unset it to download the rest, or point model.checkpoint at a local folder.",
                )
            case GatedRepoError():
                id, _ = _asked(link)
                answer = _answer(link)
                is_stranger = answer is not None and answer.status_code == NOBODY
                why = "nobody is logged in here" if is_stranger else "this login has no access"
                return Explanation(
                    f"{id or 'the checkpoint'} is gated: {why}",
                    f"Accept its licence at {constants.ENDPOINT}/{id}, then log in here: {LOGIN}.",
                )
            case RepositoryNotFoundError():
                id, _ = _asked(link)
                return Explanation(
                    f"no such checkpoint: the hub has no {id or 'repository of this name'}, or not for this login",
                    f"Check the spelling of model.checkpoint; a private one needs a login: {LOGIN}.",
                    BAD_INPUT,
                )
            case RevisionNotFoundError():
                id, revision = _asked(link)
                return Explanation(
                    f"{id or 'the checkpoint'} has no revision {revision}",
                    "Correct model.revision: a branch, a tag or a commit.",
                    BAD_INPUT,
                )
            case RemoteEntryNotFoundError():
                id, _ = _asked(link)
                file = urlparse(str(answer.url)).path.rpartition("/")[2] if (answer := _answer(link)) else "a file"
                return Explanation(
                    f"{id or 'the checkpoint'} has no {file}",
                    "Choose a checkpoint with config.json, a tokenizer and safetensors weights.",
                    BAD_INPUT,
                )
            case HfHubHTTPError() if (answer := _answer(link)) is not None:
                return _answered(answer)
    if any(isinstance(link, HfHubHTTPError | LocalEntryNotFoundError | ConnectionError) for link in chain):
        return Explanation(f"the Hugging Face hub cannot be reached: {_innermost(chain)}", ANOTHER_PLACE)
    return None


def _answered(answer: "Response") -> Explanation:
    said = f"{answer.status_code} {answer.reason_phrase}".strip()
    if answer.status_code == TOO_MANY:
        return Explanation(
            f"the Hugging Face hub takes no more requests just now ({said})",
            f"Try again later; a login may make more of them: {LOGIN}. {STAYS}",
        )
    if answer.is_server_error:
        return Explanation(f"the Hugging Face hub has failed ({said})", f"Try again later. {STAYS}")
    return Explanation(
        f"the Hugging Face hub refuses the checkpoint ({said})", f"Check the login: {LOGIN}. {ANOTHER_PLACE}"
    )


def _answer(error: HfHubHTTPError) -> "Response | None":
    """None where there was none; then the attribute is missing too in some versions."""
    return getattr(error, "response", None)


def _asked(error: HfHubHTTPError) -> tuple[str, str]:
    """Of what, and which revision of it; "" where the request does not tell."""
    answer = _answer(error)
    found = ASKED.match(urlparse(str(answer.url)).path) if answer is not None else None
    return (unquote(found["id"]), unquote(found["revision"])) if found else ("", "")


def _innermost(chain: Sequence[BaseException]) -> str:
    """What the network said: the system in a word, else the first line of the last error that says anything."""
    if system := next((link.strerror for link in reversed(chain) if isinstance(link, OSError) and link.strerror), None):
        return system.lower()
    told = [str(link).strip() for link in chain]
    return next((words.splitlines()[0] for words in reversed(told) if words), type(chain[-1]).__name__)
