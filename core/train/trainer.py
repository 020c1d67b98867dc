"""transformers' Trainer for a preference classifier: its loss, its optimizer groups, its arguments."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler
from transformers import Trainer, TrainingArguments
from transformers.modeling_outputs import SequenceClassifierOutput

from core.engine.steps import LossWatch
from core.files import as_their_folder
from core.packed.engine import PackedEngine
from core.packed.pack import PackedBatches
from core.profile.settings import Precision, Profile
from core.runs.checkpoints import delete_old, written_aside
from core.runs.folder import RunFolder
from core.train.trackers import PROJECT


def are_finite(model: torch.nn.Module) -> bool:
    """Whether every trained weight of `model` is a finite number. Asks the device once."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return bool(torch.stack([parameter.isfinite().all() for parameter in trained]).all())


def mean_loss(
    outputs: SequenceClassifierOutput,
    labels: torch.Tensor,
    num_items_in_batch: torch.Tensor | int | None = None,
) -> torch.Tensor:
    """Cross-entropy as the mean over the examples of the whole global batch, in float32. `labels` are of the shape
    (examples,), or (examples, outcomes): weight times probability. Weights are 1 on average over all rows, not within
    a batch: divided by their own sum, those of a light batch would count for more.

    transformers' own classification loss is the mean of one small batch, yet the Trainer believes it to be
    divided by the global batch already and does not divide by the accumulation: with 2 x 4 every loss and
    gradient would come out 4 times too large.
    """
    items = len(labels) if num_items_in_batch is None else num_items_in_batch
    return torch.nn.functional.cross_entropy(outputs.logits.float(), labels, reduction="sum") / items


Features = dict[str, Any]
"""What `core.data.tokens.Encoded.features` tells of a row."""
UNLOGGED = "unlogged"
"""In the state of a checkpoint: the sum of the losses not logged yet, and the step of the last logged point."""


class ClassifierTrainer(Trainer):
    """A Trainer whose head may have a learning rate of its own, and which can save when it is told to.

    It is given the rows of a whole step at once, and computes them `at_once` at a time, as `collate` joins them. Of its
    checkpoints it always keeps one of the time before the loss was lost, as `watch` tells. With a packed `engine` that
    computes in place of the model, and evaluation batches are of at most `eval_tokens`.
    """

    def __init__(
        self,
        *,
        head_learning_rate: float | None,
        watch: LossWatch,
        before_evaluation: Callable[[int], None],
        collate: Callable[[Sequence[Features]], dict[str, Any]],
        at_once: int,
        engine: PackedEngine | None = None,
        eval_tokens: int = 0,
        **arguments: Any,
    ) -> None:
        """`before_evaluation` is told of the number of batches, before the first and longest may fail."""
        super().__init__(compute_loss_func=mean_loss, data_collator=list, **arguments)
        self._head_learning_rate = head_learning_rate
        self._watch = watch
        self._before_evaluation = before_evaluation
        self._collate, self._at_once = collate, at_once
        self._engine, self._eval_tokens = engine, eval_tokens
        self._aside: Path | None = None

    optimizer: torch.optim.Optimizer | None

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        if self.optimizer is None and self._head_learning_rate is not None:
            kind, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
            decaying = set(self.get_decay_parameter_names(self.model))  # biases and norms are not
            grouped = defaultdict(list)
            for name, parameter in self.model.named_parameters():
                if parameter.requires_grad:
                    grouped["modules_to_save" in name.split("."), name in decaying].append(parameter)
            groups = [
                {
                    "params": parameters,
                    "weight_decay": self.args.weight_decay if decays else 0.0,
                    "lr": self._head_learning_rate if is_head else self.args.learning_rate,
                }
                for (is_head, decays), parameters in sorted(grouped.items())  # the first one's rate is logged
            ]
            self.optimizer = kind(groups, **options)
        return super().create_optimizer(*args, **kwargs)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:  # noqa: ARG002
        """Forward and backward over the features of one step; returns the step's loss, detached."""
        model.train()
        parts = [inputs[first : first + self._at_once] for first in range(0, len(inputs), self._at_once)]
        batches = [self._prepare_inputs(self._on_host(self._collate(part))) for part in parts]
        losses = []
        for batch in batches:
            with self.compute_loss_context_manager():
                loss = self.compute_loss(model, batch, num_items_in_batch=len(inputs))
            self.accelerator.backward(loss)
            losses.append(loss.detach())
        return torch.stack(losses).sum()

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        return super().compute_loss(self._engine or model, inputs, *args, **kwargs)

    def floating_point_ops(self, inputs: Any) -> int:  # noqa: ARG002
        return 0  # the Trainer would look for one tensor of ids, and nobody asks

    def _track_num_input_tokens(self, inputs: Any) -> None:
        # Without asking the card, for which the next step would have to wait.
        self.state.num_input_tokens_seen += sum(len(row["input_ids"]) for row in inputs)

    def _on_host(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """`batch`, from where a card can fetch it by itself."""
        return {name: part.pin_memory() for name, part in batch.items()} if self.args.dataloader_pin_memory else batch

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:  # noqa: ARG002
        return self._scoring(self.eval_dataset)

    def get_test_dataloader(self, test_dataset: Any) -> DataLoader[Any]:
        return self._scoring(test_dataset)

    def _scoring(self, rows: Any) -> DataLoader[Any]:
        """`rows` in their order, in batches to be computed without gradients."""
        lengths = [len(row["input_ids"]) for row in rows]
        in_order = SequentialSampler(rows)
        loader: DataLoader[Any] = DataLoader(
            rows,
            batch_sampler=PackedBatches(lengths, self._eval_tokens)
            if self._engine
            else BatchSampler(in_order, self.args.per_device_eval_batch_size, drop_last=False),
            collate_fn=self._collate,
            pin_memory=self.args.dataloader_pin_memory,
        )
        return self.accelerator.prepare(loader)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        output, keep = Path(self.args.output_dir), self.args.save_total_limit
        self.state.stateful_callbacks[UNLOGGED] = {
            "loss": self._tr_loss.item(),
            "since": self._globalstep_last_logged,
        }
        with written_aside(output, self.state.global_step) as self._aside:
            super()._save_checkpoint(model, trial)
            as_their_folder(self._aside / f"checkpoint-{self.state.global_step}")
        self._aside = None
        del self.state.stateful_callbacks[UNLOGGED]
        if keep:
            delete_old(output, keep, self._watch.sound)

    def evaluation_loop(self, dataloader: DataLoader[Any], *args: Any, **kwargs: Any) -> Any:
        self._before_evaluation(len(dataloader))
        # To go through a DataLoader draws from the generator of dropout: a run whose evaluation is made up for, or was
        # made before the checkpoint it goes on from, would be another run.
        with torch.random.fork_rng(devices=[]):
            return super().evaluation_loop(dataloader, *args, **kwargs)

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """The Trainer's, which takes one more step where a part of an epoch was all there was to do, and is done, and
        which forgets the losses between the last logged point and the checkpoint that it goes on from."""
        if unlogged := self.state.stateful_callbacks.pop(UNLOGGED, None):
            self._tr_loss += unlogged["loss"]
            self._globalstep_last_logged = unlogged["since"]
        if self.state.global_step < self.state.max_steps:
            super()._run_epoch(*args, **kwargs)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        if "loss" in logs:
            # It has just been set to zero by subtracting it from itself: after one NaN all that follow would be NaN.
            self._tr_loss.zero_()
        super().log(logs, *args, **kwargs)

    def _get_output_dir(self, trial: Any) -> str:  # noqa: ARG002  (the signature is the library's)
        return str(self._aside or self.args.output_dir)

    def save_checkpoint(self) -> None:
        """Save the state after the last finished step, unless that is done already or there was none."""
        saved = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        if self.state.global_step and not saved.exists():
            self._save_checkpoint(self.model, trial=None)
            self.callback_handler.on_save(self.args, self.state, self.control)


def training_arguments(profile: Profile, precision: Precision, folder: RunFolder) -> TrainingArguments:
    """The profile's settings in the Trainer's words. To it a step is one batch, computed as one."""
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
        report_to=list(profile.run.report_to),
        run_name=folder.id,
        project=PROJECT,
        trackio_static_space_id=False,  # nothing is published
        disable_tqdm=True,
        **every,
    )
