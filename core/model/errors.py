"""The error that a setting ends in which the checkpoint at hand does not allow."""


class SettingError(Exception):
    """A valid profile that does not fit this checkpoint. The message names key, value and what would fit."""

    def __init__(self, key: str, value: object, message: str) -> None:
        super().__init__(f"{key} = {value!r}: {message}")
