"""One pass over all rows: one run, one order of the answers, and what is there of its logits. Knows no model."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from core.data.example import Example, swapped
from core.data.tokenizer import PromptTokenizer, fingerprint
from core.data.tokens import Encoded
from core.profile.settings import Profile
from core.runs.record import Record
from core.score.batches import Batch, batches
from core.score.folder import PredictionFolder
from core.score.kept import Kept
from core.score.request import ADAPTER_WEIGHTS, Request
from core.train.encoding import encode_all


class Pass:
    """`rows` are in the order of the file, in tokens; the logits kept are those of the order they were shown in."""

    def __init__(self, name: str, rows: Sequence[Encoded], is_swapped: bool, scores: Path, digest: str) -> None:
        self.name = name
        self.rows = rows
        self.is_swapped = is_swapped
        self.lengths = [len(row.ids) for row in rows]
        # What was kept is found again by all that it depends on: other rows or another adapter begin anew.
        self.kept = Kept(scores / f"{name}-{digest}", len(rows))

    def batches(self, most_tokens: int) -> list[Batch]:
        """What is still to be scored."""
        return batches(self.lengths, self.kept.missing, most_tokens)

    def ids(self, batch: Batch) -> list[list[int]]:
        return [self.rows[row].ids.tolist() for row in batch.rows]

    @property
    def tokens(self) -> int:
        return sum(self.lengths)


def make_passes(
    folder: PredictionFolder, request: Request, examples: Sequence[Example], record: Record
) -> list[list[Pass]]:
    """The passes of each member: the rows as they are, and with their answers exchanged if that is asked for.

    The two orders share no keys and values of the prompt: in the first 100 rows of the Kaggle file what they begin
    with alike, BOS and tags counted, is 8.5 % of all their tokens at a limit of 1,024 and 8.0 % at 2,048, and no more
    than that could be saved.
    """
    encoded: dict[object, list[Encoded]] = {}  # runs with the same tokenizer, limit and strategy read the same
    made = []
    for number, member in enumerate(request.members):
        profile, adapter = request.profile_of(member), Path(member.adapter)
        of_member = []
        for is_swapped in (False, True) if request.swap else (False,):
            key = (fingerprint(adapter), profile.tokens, is_swapped)
            if key not in encoded:
                shown = [swapped(example) for example in examples] if is_swapped else examples
                unit = "rows, A and B exchanged" if is_swapped else "rows"
                encoded[key] = encode_all(shown, PromptTokenizer(adapter), profile, record, unit)
            rows = encoded[key]
            name = f"run_{number + 1}{'_swapped' if is_swapped else ''}"
            known_by = digest(rows, profile, adapter, request.merge)
            of_member.append(Pass(name, rows, is_swapped, folder.scores, known_by))
        made.append(of_member)
    return made


def digest(rows: Sequence[Encoded], profile: Profile, adapter: Path, merge: bool) -> str:
    """Of all that the logits of a pass depend on: ids and tokens of its rows, the model's settings, the adapter."""
    found = hashlib.blake2b(digest_size=12)
    found.update((adapter / ADAPTER_WEIGHTS).read_bytes())
    found.update(msgspec.json.encode((profile.model, profile.lora, profile.train.precision, merge)))
    for row in rows:
        found.update(row.example.id.to_bytes(8, signed=True))
        found.update(len(row.ids).to_bytes(4))
        found.update(row.ids.tobytes())
    return found.hexdigest()
