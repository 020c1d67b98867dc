"""What of its rows a profile trains on, how they count there, and what it evaluates, in words."""

from core.profile.data_settings import Data
from core.profile.settings import Profile, Split


def limited(data: Data) -> str:
    """Which rows of data.train are used; "" where all are."""
    drawn = ", ".join(f"{100 * share:g} %" for share in data.train_shares)
    shares = [f"{drawn} of the rows of its sources"] if drawn else []
    limit = []
    if data.limit is not None:
        first = data.limit_by == "first"
        limit = [f"the first {data.limit:,} rows" if first else f"{data.limit:,} rows drawn at random"]
    return ", of them ".join([*shares, *limit])


def in_training(data: Data) -> str:
    """How rows count in training, where that is not as their labels alone say; else ""."""
    told = ["labels are soft"] if data.soft_labels else []
    if data.train_weights:
        told.append("rows weigh what their source does")
    if data.columns.weight:
        told.append("rows weigh what their column of data.columns.weight says")
    if data.weight_by_strength:
        told.append("rows weigh as much as their preference is strong")
    ending = "evaluation counts each row once, by its label"
    return f"in training {' and '.join(told)}; {ending}" if told else ""


def held_out(profile: Profile) -> str:
    """What is evaluated."""
    if profile.data.eval is not None:
        return f"all of {profile.data.eval}"
    if not profile.evaluates:
        return "nothing (split.by = none)"
    return f"fold {profile.split.fold} of {profile.split.n_splits} by {profile.split.by}"


def unused_split(profile: Profile) -> str:
    """That settings of [split], which are not the defaults, are not used; "" where there are none."""
    own, default = profile.split, Split()
    keys = [name for name in default.__struct_fields__ if getattr(own, name) != getattr(default, name)]
    if profile.data.eval is None or not keys:
        return ""
    named = " and ".join(f"split.{name}" for name in keys)
    return f"{named} {'is' if len(keys) == 1 else 'are'} not used: data.eval names what is evaluated"
