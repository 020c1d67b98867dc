"""The login at the Hugging Face hub, which gated checkpoints need."""

import os

from huggingface_hub import HfApi, constants, get_session, get_token
from huggingface_hub.errors import HfHubHTTPError

from core.doctor.protocol import Check

NAME = "hub login"
SECONDS_TO_ANSWER = 10.0
"""The library itself would wait for ever where a firewall swallows what is sent."""
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Variables that count before what `hf auth login` has stored."""
LOG_IN = "Gated and private checkpoints need one: `hf auth login`. Public ones do not."

DO_WITHOUT = "Checkpoints that are already downloaded do not need it."


def login() -> Check:
    """Whether there is a token, and whether the hub takes it, where the hub can be asked."""
    token = get_token()
    if token is None:
        return Check(NAME, "note", "none", LOG_IN)
    if constants.HF_HUB_OFFLINE:
        return Check(NAME, "note", "there is a token; not asked, because HF_HUB_OFFLINE is set")
    get_session().timeout = SECONDS_TO_ANSWER
    try:
        found = HfApi().whoami(token=token)
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code == 401:
            variable = next((name for name in TOKENS if os.environ.get(name)), None)
            advice = f"It is {variable}'s: correct or unset it." if variable else "Log in again: `hf auth login`."
            return Check(NAME, "problem", "the hub refuses the token", advice)
        return Check(NAME, "note", f"there is a token; the hub answers {error}".splitlines()[0], DO_WITHOUT)
    except Exception as error:  # noqa: BLE001  (whatever the network does)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return Check(NAME, "note", f"there is a token; the hub cannot be reached: {reason}", DO_WITHOUT)
    return Check(NAME, "ok", f"as {found['name']}")
