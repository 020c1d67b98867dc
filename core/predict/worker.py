"""One worker of a prediction: loads one run's model and computes batches, smaller ones where memory runs out."""

import gc
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.failures.explain import explain
from core.failures.known_errors import ran_out_of_memory
from core.libraries import importing_libraries
from core.predict.errors import in_words
from core.predict.folder import PredictionFolder
from core.predict.passes import batches
from core.predict.protocol import Answer, NoRoom, Ready, Trouble, decode_batch
from core.protocol import answer
from core.runs.log import begin_log

Logits = NDArray[np.float32]


class NoRoomForOne(Exception):
    """A single row is too much: its number in the batch, and what ran out in words."""

    def __init__(self, row: int, why: str) -> None:
        super().__init__(why)
        self.row = row
        self.why = why


class AdaptiveBatches:
    """Token ids to logits by `logits_of`, which takes and gives whole batches, at most `most_tokens` at once with
    their padding. Once memory has run out that is less, for all that comes."""

    def __init__(self, logits_of: Callable[[list[list[int]]], Logits], most_tokens: int) -> None:
        self.most_tokens = most_tokens
        self._logits_of = logits_of

    def logits(self, ids: list[list[int]]) -> Logits:
        """Logits of rows of token ids, shape (rows, outcomes). Raises NoRoomForOne, and what `logits_of` raises."""
        lengths = [len(row) for row in ids]
        answered: dict[int, NDArray[np.float32]] = {}
        while waiting := [row for row in range(len(ids)) if row not in answered]:
            rows = batches(lengths, waiting, self.most_tokens)[0].rows
            part = self._try([ids[row] for row in rows])
            if not isinstance(part, str):
                answered |= zip(rows, part, strict=True)
            elif len(rows) > 1:
                self.most_tokens = lengths[rows[0]] * -(-len(rows) // 2)
            else:
                raise NoRoomForOne(rows[0], part)
        return np.stack([answered[row] for row in range(len(ids))])

    def _try(self, ids: list[list[int]]) -> Logits | str:
        """Logits, or in words that memory ran out. The error holds what was computed so far: it must not live on."""
        try:
            return self._logits_of(ids)
        except Exception as error:
            if not ran_out_of_memory(error):
                raise
            why = explain(error).cause
        import torch

        gc.collect()
        torch.cuda.empty_cache()
        return why


def main(arguments: Sequence[str]) -> int:
    """Answer batches until none comes, and return the exit code."""
    # What libraries print must not be taken for an answer.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    begin_log()
    try:
        folder, member, *card = arguments
        if card:
            os.environ["CUDA_VISIBLE_DEVICES"] = card[0]
        serve(PredictionFolder(Path(folder)), int(member), bool(card), sys.stdin.buffer, out)
    except Exception as error:
        logging.exception("the worker failed")
        why = in_words(error)
        answer(Trouble(cause=why.cause, advice=why.advice, exit_code=why.exit_code), out)
        return why.exit_code
    return 0


def serve(folder: PredictionFolder, member: int, on_card: bool, batches: BinaryIO, out: BinaryIO) -> None:
    """Answer each line of `batches` on `out`."""
    with importing_libraries():
        from core.engine import device
        from core.predict.model import load_model

    request = folder.read_request()
    model = load_model(request, member, on_card)
    adaptive = AdaptiveBatches(model.logits, request.batch_tokens)
    answer(Ready(device=model.device, precision=model.precision, engine=model.engine, note=model.note), out)
    for line in batches:
        try:
            logits = adaptive.logits(decode_batch(line)).tolist()
        except NoRoomForOne as error:
            answer(NoRoom(row=error.row, why=error.why), out)
        else:
            answer(Answer(logits=logits, memory=device.memory(), most_tokens=adaptive.most_tokens), out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
