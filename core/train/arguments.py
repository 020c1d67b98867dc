"""The profile's settings in the words of transformers' Trainer."""

from typing import Any

import torch
from transformers import TrainingArguments

from core.profile.settings import Profile
from core.profile.train_settings import Precision
from core.runs.folder import RunFolder
from core.train.trackers import PROJECT


def training_arguments(
    profile: Profile, precision: Precision, folder: RunFolder, *, is_tracked: bool = True
) -> TrainingArguments:
    """To the Trainer a step is one batch, computed as one, on one rank alone. Trackers are told the figures where
    `is_tracked`."""
    train, evaluation = profile.train, profile.eval
    has_gpu = torch.cuda.is_available()
    every: dict[str, Any] = {"eval_strategy": "no"}
    if profile.evaluates:
        every = (
            {"eval_strategy": "epoch"}
            if evaluation.every == "epoch"
            else {"eval_strategy": "steps", "eval_steps": evaluation.every}
        )
    return TrainingArguments(
        output_dir=str(folder.checkpoints),
        num_train_epochs=train.epochs,
        per_device_train_batch_size=profile.global_batch,
        per_device_eval_batch_size=evaluation.per_device_batch_size,
        learning_rate=train.learning_rate,
        lr_scheduler_type=train.schedule,
        warmup_steps=train.warmup_steps,
        optim=train.optimizer,
        weight_decay=train.weight_decay,
        max_grad_norm=train.max_grad_norm,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=not has_gpu,
        dataloader_pin_memory=has_gpu,
        logging_steps=train.log_steps,
        logging_first_step=True,
        logging_nan_inf_filter=False,  # a loss that is not finite is to be seen
        save_steps=train.save_steps,
        save_total_limit=train.keep_checkpoints,
        seed=train.seed,
        include_num_input_tokens_seen="non_padding",
        remove_unused_columns=False,
        label_names=["labels"],
        report_to=list(profile.run.report_to) if is_tracked else [],
        run_name=folder.id,
        project=PROJECT,
        trackio_static_space_id=False,  # nothing is published
        disable_tqdm=True,
        **every,
    )
