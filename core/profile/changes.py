"""What differs between two profiles, setting by setting."""

from msgspec import Struct, structs

from core.profile.edit import Value, literal
from core.profile.settings import Profile


class Change(Struct, frozen=True):
    """A setting, written section.name, with its value before and after; None where it is absent."""

    key: str
    old: Value | None
    new: Value | None

    def __str__(self) -> str:
        return f"{self.key} = {written(self.new)} (it was {written(self.old)})"

    @property
    def override(self) -> str:
        """As `--set` takes it. Raises TypeError for a setting that is to be absent, which an override cannot say."""
        if self.new is None:
            raise TypeError(f"no override makes {self.key} absent")
        return f"{self.key}={literal(self.new)}"


def written(value: Value | None) -> str:
    """The value as a profile has it."""
    return "absent" if value is None else literal(value)


def changes(before: Profile, after: Profile) -> list[Change]:
    """Every setting that differs, in the order of their declarations."""
    return [
        Change(f"{section.name}.{setting.name}", old, new)
        for section in structs.fields(Profile)
        for setting in structs.fields(section.type)
        if (old := _value(before, section.name, setting.name)) != (new := _value(after, section.name, setting.name))
    ]


def _value(profile: Profile, section: str, name: str) -> Value | None:
    value: Value | None = getattr(getattr(profile, section), name)
    return value
