"""transformers' Trainer for a preference classifier: its loss, its optimizer groups, its checkpoints."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler
from transformers import Trainer
from transformers.trainer_utils import EvalLoopOutput

from core.data.tokens import TAUGHT
from core.engine.draws import draw_keys
from core.engine.steps import LossWatch
from core.files import as_their_folder
from core.model.apart import ReadApart
from core.model.dropout import draws_of
from core.outcomes import A_B, A_B_TIE
from core.packed.engine import PackedEngine
from core.packed.pack import PackedBatches
from core.profile.train_settings import SwapMode
from core.runs.checkpoints import delete_old, written_aside
from core.train.kept import KeptWeights, Reached
from core.train.loss import Added, mean_loss
from core.train.optimizer import Rates, parameter_groups
from core.train.ranks import Ranks
from core.train.results import Scorer
from core.train.views import Comparison, View, in_one_order, tokens

UNLOGGED = "unlogged"
"""In the state of a checkpoint: the sum of the losses not logged yet, and the step of the last logged point."""


class ClassifierTrainer(Trainer):
    """A Trainer whose head may have a learning rate of its own, and which can save when it is told to.

    It is given the comparisons of a whole step at once, and computes them `at_once` at a time, as `collate` joins their
    views. Of its checkpoints it always keeps one of the time before the loss was lost, as `watch` tells. With a packed
    `engine` that computes in place of the model, and evaluation batches are of at most `eval_tokens`.
    """

    def __init__(
        self,
        *,
        head_learning_rate: float | None,
        watch: LossWatch,
        before_evaluation: Callable[[int], None],
        ranks: Ranks,
        scorer: Scorer,
        collate: Callable[[Sequence[dict[str, Any]]], dict[str, Any]],
        at_once: int,
        swap: SwapMode = "none",
        added: Added | None = None,
        reads_apart: bool = False,
        ema: float = 0.0,
        keeps_best: bool = False,
        engine: PackedEngine | None = None,
        eval_tokens: int = 0,
        **arguments: Any,
    ) -> None:
        """`before_evaluation` is told of the number of batches, before the first and longest may fail."""
        super().__init__(compute_loss_func=mean_loss, data_collator=list, **arguments)
        self._head_learning_rate = head_learning_rate
        self._watch, self._ranks, self._scorer = watch, ranks, scorer
        self._before_evaluation, self._collate, self._at_once = before_evaluation, collate, at_once
        self._swap, self._added, self._reads_apart = swap, added or Added(), reads_apart
        self._engine, self._eval_tokens = engine, eval_tokens
        self._draws = draws_of(self.model)
        self._aside: Path | None = None
        named = {name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad}
        self._trained = list(named.values())
        self.kept = KeptWeights(named, ema=ema, keeps_best=keeps_best)
        if self.kept.average:
            self.add_callback(self.kept.average)
        self._outcomes = A_B_TIE if self.model.config.num_labels == len(A_B_TIE) else A_B
        self._places: list[int] = []
        """The rows that this rank evaluates, in the order of its batches."""

    optimizer: torch.optim.Optimizer | None

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        if self.optimizer is None and self._head_learning_rate is not None:
            kind, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
            decaying = set(self.get_decay_parameter_names(self.model))  # biases and norms are not
            rates = Rates(adapters=self.args.learning_rate, head=self._head_learning_rate)
            self.optimizer = kind(parameter_groups(self.model, decaying, self.args.weight_decay, rates), **options)
        return super().create_optimizer(*args, **kwargs)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:  # noqa: ARG002
        """Forward and backward over the comparisons of one step; returns the step's loss, detached, of all ranks."""
        model.train()
        step = self._shown(inputs)
        own = self._ranks.part(step, [tokens(views) for views in step])
        parts = [own[first : first + self._at_once] for first in range(0, len(own), self._at_once)]
        batches = [self._prepare_inputs(self._on_host(self._batch(list(chain.from_iterable(part))))) for part in parts]
        losses = [torch.zeros((), device=self.args.device)]
        for part, batch in zip(parts, batches, strict=True):
            self._ranks.beat()
            (seed,) = self._draw_keys(part[0][:1])
            with self._dropout_of(batch, seed):
                with self.compute_loss_context_manager():
                    loss = self._loss(model, batch, items=len(step), views=len(part[0]))
                self.accelerator.backward(loss)
            losses.append(loss.detach())
        return self._ranks.sum_gradients(self._trained, torch.stack(losses).sum())

    def _loss(self, model: Any, batch: dict[str, Any], *, items: int, views: int) -> torch.Tensor:
        """That of a part of a step of `items` comparisons: the mean over the `views` of each, and what is added. Two
        views of answers that are read apart are one verdict."""
        taught, read = batch.pop(TAUGHT, None), self._engine or model
        if self._reads_apart:
            read, views = ReadApart(read, self._outcomes), 1
            batch["labels"], taught = batch["labels"][0::2], None if taught is None else taught[0::2]
        loss, outputs = super().compute_loss(read, batch, return_outputs=True, num_items_in_batch=items * views)
        return loss + self._added.of(outputs.logits, taught, items=items, views=views)

    def _shown(self, step: Sequence[Comparison]) -> Sequence[Comparison]:
        """The comparisons of the step at hand in the views that it computes."""
        if self._swap != "random":
            return step
        epoch = self.state.global_step // math.ceil(len(self.train_dataset) / self.args.train_batch_size)
        return in_one_order(step, self.args.seed, epoch)

    def _batch(self, views: Sequence[View]) -> dict[str, Any]:
        """`views` joined, and by what the dropout of each is drawn: `draws` (views,)."""
        batch = self._collate([{name: view[name] for name in ("input_ids", "labels")} for view in views])
        batch["draws"] = torch.from_numpy(self._draw_keys(views))
        if TAUGHT in views[0]:
            batch[TAUGHT] = torch.tensor([view[TAUGHT] for view in views])
        return batch

    def _draw_keys(self, views: Sequence[View]) -> NDArray[np.int64]:
        return draw_keys(self.args.seed, self.state.global_step, [view["row"] for view in views])

    @contextmanager
    def _dropout_of(self, batch: dict[str, Any], seed: int) -> Iterator[None]:
        """Within it forward and backward pass of `batch` are computed; the packed engine is given its draws.

        A base's own dropout draws from torch's generator, and leaves it as it is: epochs are shuffled by it, on all
        ranks alike.
        """
        own = nullcontext() if self._engine else self._draws.of(batch.pop("draws"), batch["attention_mask"])
        with own, torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(seed))
            yield

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        return super().compute_loss(self._engine or model, inputs, *args, **kwargs)

    def floating_point_ops(self, inputs: Any) -> int:  # noqa: ARG002
        return 0  # the Trainer would look for one tensor of ids, and nobody asks

    def _track_num_input_tokens(self, inputs: Any) -> None:
        # Without asking the card, for which the next step would have to wait.
        self.state.num_input_tokens_seen += sum(sum(tokens(views)) for views in self._shown(inputs))

    def _on_host(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """`batch`, from where a card can fetch it by itself."""
        return {name: part.pin_memory() for name, part in batch.items()} if self.args.dataloader_pin_memory else batch

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:  # noqa: ARG002
        return self._scoring(self.eval_dataset)

    def get_test_dataloader(self, test_dataset: Any) -> DataLoader[Any]:
        return self._scoring(test_dataset)

    def _scoring(self, rows: Any) -> DataLoader[Any]:
        """`rows` in batches to be computed without gradients, which do not depend on the ranks; of them this rank's."""
        lengths = [len(row["input_ids"]) for row in rows]
        in_order, at_once = SequentialSampler(rows), self.args.per_device_eval_batch_size
        batches = PackedBatches(lengths, self._eval_tokens) if self._engine else BatchSampler(in_order, at_once, False)
        # A plain list: of a sampler that tells its batch size accelerate would know a remainder, and cut batches to it.
        own = self._ranks.part_of_batches(list(batches), lengths)
        self._places = list(chain.from_iterable(own))
        loader: DataLoader[Any] = DataLoader(
            rows,
            batch_sampler=own,
            collate_fn=self._collate,
            pin_memory=self.args.dataloader_pin_memory,
        )
        return self.accelerator.prepare(loader)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self._ranks.rest()
        if not self._ranks.is_first:
            return
        output, keep = Path(self.args.output_dir), self.args.save_total_limit
        self.state.stateful_callbacks[UNLOGGED] = {
            "loss": self._tr_loss.item(),
            "since": self._globalstep_last_logged,
        }
        with written_aside(output, self.state.global_step) as self._aside:
            super()._save_checkpoint(model, trial)
            self.kept.save(self._aside / f"checkpoint-{self.state.global_step}")
            as_their_folder(self._aside / f"checkpoint-{self.state.global_step}")
        self._aside = None
        del self.state.stateful_callbacks[UNLOGGED]
        if keep:
            delete_old(output, keep, self._watch.sound)

    def evaluation_loop(
        self, dataloader: DataLoader[Any], description: str, *_: Any, metric_key_prefix: str = "eval", **__: Any
    ) -> EvalLoopOutput:
        """The logits of all rows, whichever rank has computed them, and what the scorer says of them."""
        rows: Any = dataloader.dataset
        self._before_evaluation(len(dataloader))
        # To go through a DataLoader draws from the generator of a base's own dropout: a run whose evaluation is made up
        # for, or was made before the checkpoint it goes on from, would be another run.
        with self.kept.evaluated(), torch.random.fork_rng(devices=[]):
            found = super().evaluation_loop(dataloader, description, prediction_loss_only=False)
            own = None if found.predictions is None else torch.from_numpy(found.predictions)
            logits = self._ranks.whole(own, self._places, (len(rows), len(self._outcomes))).numpy()
            labels = np.array([row["labels"] for row in rows])
            if self._reads_apart:
                logits, labels = self._outcomes.joined(logits[0::2], logits[1::2]), labels[0::2]
            metrics = self._scorer(logits, labels)
            if metric_key_prefix == "eval":
                self.kept.see(Reached(self.state.global_step, **metrics))
        named = {f"{metric_key_prefix}_{name}": value for name, value in metrics.items()}
        return EvalLoopOutput(predictions=logits, label_ids=None, metrics=named, num_samples=len(logits))

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """The Trainer's, which takes one more step where nothing is left to do, of a part of an epoch or of a run that
        has stopped early, and which forgets the losses since the last logged point of a checkpoint."""
        if unlogged := self.state.stateful_callbacks.pop(UNLOGGED, None):
            self._tr_loss += unlogged["loss"]
            self._globalstep_last_logged = unlogged["since"]
        if self.state.global_step < self.state.max_steps and not self.control.should_training_stop:
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
