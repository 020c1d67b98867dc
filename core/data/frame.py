"""What is put around and between what is kept of a row. Imports nothing heavy: the console starts with it."""

from msgspec import Struct


class Frame(Struct, frozen=True):
    """Token ids that are put around what is kept of a row, BOS and EOS, and where some of it is missing."""

    begin: list[int]
    end: list[int]
    mark: list[int]

    @property
    def specials(self) -> int:
        """Tokens of BOS and EOS, as far as the tokenizer has them."""
        return len(self.begin) + len(self.end)
