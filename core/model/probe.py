"""Tries a loaded classifier before its first step: are its answers finite, nothing but logits, and each row's own?"""

from collections.abc import Mapping, Sequence

import torch
from bitsandbytes.nn import Linear8bitLt
from peft import PeftModel
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from core.data.example import DataError
from core.data.tokens import Encoded
from core.profile.errors import SettingError

LONGEST = 64
"""Tokens of the longer row that is tried."""
ROUNDING, ROUNDING_IN_16_BIT = 1e-3, 0.1
"""How far two answers to a row may lie apart, as a share of the largest logit. In 16 bit, products of other shapes
round otherwise, by about a hundredth; a model that reads its padding answers something else altogether."""
COPIES, TIMES = (2, 3, 4), 4
"""In 16 bit it may be rounding all the same: a new head may find next to nothing in what a model is sure of, and then
logits are small beside the error in them. So many copies of the row, which need no padding, show how much rounding
alone does; padding that is read does more than so many times that."""


def demand_sound(model: PeftModel, rows: Sequence[Encoded], *, dtype: torch.dtype, checkpoint: str) -> None:
    """Score two of `rows` side by side and one of them alone, in mixed precision with `dtype`.

    Raises SettingError for a model whose run would end in its evaluation or be another than it says: weights that are
    not numbers, answers besides the logits, a classifier that reads the padding of a row; and DataError for a row with
    a token that the model does not know.
    """
    known = model.get_input_embeddings().num_embeddings
    for row in rows:
        if (highest := int(row.ids.max())) >= known:
            raise DataError(
                f"id {row.example.id}: holds token {highest}, which the tokenizer of {checkpoint} knows and the model, "
                f"with {known:,} tokens, does not; leave the row out"
            )
    ordered = sorted((row.ids for row in rows), key=len)
    short, long = (torch.from_numpy(ids).long() for ids in (ordered[0][: LONGEST // 2], ordered[-1][:LONGEST]))
    # 8-bit products leave columns with outliers in 16 bit, and the other row may have some (LLM.int8, section 3).
    is_exact = dtype is torch.float32 and not any(isinstance(one, Linear8bitLt) for one in model.modules())
    counts = (1,) if is_exact else (1, *COPIES)
    was_training = model.training
    model.eval()

    def refused(why: str) -> SettingError:
        return SettingError("model.checkpoint", checkpoint, why)

    try:
        together = _answers(model, [short, long], dtype)
        alone, *copies = [_answers(model, [short] * count, dtype)["logits"][0].float() for count in counts]
    except RuntimeError as error:
        if "without overflow" not in str(error):  # memory, the card and the like are explained elsewhere
            raise
        # DeBERTa, quantized, mixes float32 with the lower precision, and its mask does not fit into that.
        kind, so = model.config.model_type, str(dtype).removeprefix("torch.")
        raise refused(
            f"{kind} cannot compute in {so} with this quantization ({error}); try another quantization"
        ) from error
    finally:
        model.train(was_training)
    if more := set(together) - {"logits"}:
        raise refused(
            f"{model.config.model_type} returns more than logits ({min(more)}), which cannot be evaluated here"
        )
    logits = together["logits"].float()
    if logits.shape != (2, model.config.num_labels):
        needed = f"{model.config.num_labels} logits per row"
        raise refused(f"{model.config.model_type} does not return {needed}: {tuple(logits.shape)}")
    if not logits.isfinite().all():
        raise refused(_not_finite(model))
    apart, *by_rounding = [float((one - alone).abs().max() / logits.abs().max()) for one in (logits[0], *copies)]
    if apart > (ROUNDING if is_exact else max(ROUNDING_IN_16_BIT, TIMES * max(by_rounding))):
        raise refused(f"{model.config.model_type} depends on the padding of a row: its logits change by {apart:.0%}")


def _answers(model: PeftModel, rows: Sequence[Tensor], dtype: torch.dtype) -> Mapping[str, Tensor]:
    pad = model.config.get_text_config().pad_token_id
    mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True).to(model.device)
    ids = pad_sequence(list(rows), batch_first=True, padding_value=pad).to(model.device)
    with torch.inference_mode(), torch.autocast(model.device.type, dtype=dtype, enabled=dtype is not torch.float32):
        answers: Mapping[str, Tensor] = model(input_ids=ids, attention_mask=mask)
    return answers


def _not_finite(model: PeftModel) -> str:
    """Names the weight that is to blame, where it can be seen: 4-bit weights do not show it."""
    for name, parameter in model.get_base_model().named_parameters():
        if parameter.is_floating_point() and not parameter.isfinite().all():
            return f"its weights are not all finite numbers: {name}; the file is damaged"
    return "its answers are not finite numbers: its weights are damaged, or too large for this precision"
