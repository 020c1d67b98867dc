"""The login at the Hugging Face hub, which gated checkpoints need."""

from huggingface_hub import HfApi, constants, get_token
from huggingface_hub.errors import HfHubHTTPError

from core.doctor.check import Check

NAME = "hub login"
LOG_IN = "Gated and private checkpoints need one: `hf auth login`. Public ones do without."


def login() -> Check:
    """Whether there is a token, and whether the hub takes it, where the hub can be asked."""
    token = get_token()
    if token is None:
        return Check(NAME, "note", "none", LOG_IN)
    if constants.HF_HUB_OFFLINE:
        return Check(NAME, "note", "there is a token; not asked, because HF_HUB_OFFLINE is set")
    try:
        found = HfApi().whoami(token=token)
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code == 401:
            return Check(NAME, "problem", "the hub refuses the token", "Log in anew: `hf auth login`.")
        return Check(NAME, "note", f"there is a token; the hub answers {error}".splitlines()[0])
    except Exception as error:  # noqa: BLE001  (whatever the network does)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return Check(NAME, "note", f"there is a token; the hub cannot be reached: {reason}")
    return Check(NAME, "ok", f"as {found['name']}")
