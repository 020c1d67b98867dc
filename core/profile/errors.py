"""The error that a setting ends in which the checkpoint or the rows at hand do not allow."""


class SettingError(Exception):
    """A valid profile that does not fit checkpoint or rows. The message names key, value and what would fit."""

    def __init__(self, key: str, value: object, message: str) -> None:
        self.key = key
        super().__init__(f"{key} = {value!r}: {message}")
        self.key = key
