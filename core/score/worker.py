"""One worker: `python -P -m core.score.worker PREDICTION_DIR MEMBER [CARD]` loads one run's model and scores batches.

It reads token ids from stdin and writes logits to stdout until stdin ends. It knows no rows, no file and no swap.
"""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from core.score.errors import in_words
from core.score.folder import PredictionFolder
from core.score.messages import Answer, Message, NoRoom, Ready, Trouble, decode_batch, encode
from core.uncollected import uncollected


def main(arguments: Sequence[str]) -> int:
    """Score until there is nothing more to score, and return the exit code."""
    # What libraries print must not be taken for an answer.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        folder, member, *card = arguments
        if card:
            os.environ["CUDA_VISIBLE_DEVICES"] = card[0]
        serve(PredictionFolder(Path(folder)), int(member), bool(card), sys.stdin.buffer, out)
    except Exception as error:
        logging.exception("the worker failed")
        why = in_words(error)
        _say(out, Trouble(cause=why.cause, advice=why.advice, exit_code=why.exit_code))
        return why.exit_code
    return 0


def serve(folder: PredictionFolder, member: int, on_card: bool, batches: BinaryIO, out: BinaryIO) -> None:
    """Answer each line of `batches` on `out`."""
    with uncollected():
        from core.score.halves import Halves, NoRoomForOne
        from core.score.model import load_model
        from core.train import device

    request = folder.read_request()
    model = load_model(request, member, on_card)
    halves = Halves(model.logits, request.batch_tokens)
    _say(out, Ready(device=model.device, precision=model.precision, engine=model.engine, note=model.note))
    for line in batches:
        try:
            logits = halves.logits(decode_batch(line)).tolist()
        except NoRoomForOne as error:
            _say(out, NoRoom(row=error.row, why=error.why))
        else:
            _say(out, Answer(logits=logits, memory=device.memory(), most_tokens=halves.most_tokens))


def _say(out: BinaryIO, message: Message) -> None:
    out.write(encode(message) + b"\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
