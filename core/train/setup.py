"""What a run is made of before its first step: its device, its model and what computes it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct
from peft import PeftModel
from transformers import AutoConfig, PreTrainedTokenizerFast, set_seed

from core.data.example import RowsRead, settled
from core.demo import assets
from core.engine import device
from core.engine.choose import Engine, choose_engine, choose_precision, demand_computable
from core.engine.steps import optimizer_steps
from core.machine.slurm import job_variables
from core.model.checkpoint import base_digest
from core.model.classifier import has_class
from core.model.load import keep_residual_in_float32, load_classifier, load_config
from core.model.locate import base_folder
from core.model.lora import adapters, add_adapters, checkpoint_activations, parameter_counts
from core.model.probe import demand_sound
from core.model.tokenizer import load_tokenizer
from core.packed.engine import PackedEngine
from core.profile.settings import Profile
from core.profile.train_settings import Precision
from core.runs.events import Device, Phase, Started, Warning
from core.runs.record import Record
from core.runs.stop_request import StopRequest
from core.train.attempt import Attempt
from core.train.ranks import Ranks
from core.train.rows import RunRows


class Hardware(Struct, frozen=True):
    """The one device of a run, the precision that suits it best, and that in which the run computes."""

    device: Device
    best_precision: Precision
    precision: Precision


def choose_hardware(profile: Profile, record: Record) -> Hardware:
    """Hides all cards but one. Raises GpuError for a card that cannot be used, SettingError for a precision."""
    if warning := device.use_one_gpu():
        record.write(Warning(message=warning))
    if trouble := device.unused_gpu():
        if not assets.is_named_by(profile):
            raise device.GpuError(trouble)
        record.write(Warning(message=f"the demo runs on the processor: {trouble}"))
    best = device.best_precision()
    precision = choose_precision(profile.train.precision, best)
    demand_computable(precision, best)
    return Hardware(device.device(), best, precision)


def _tell(record: Record, what: str, done: int, total: int, unit: str) -> None:
    record.write(Phase(phase="loading", detail=what, done=done, total=total, unit=unit))


class RunModel(Struct, frozen=True):
    """A run's base with its adapters and head, the tokenizer it is saved with, and what computes it."""

    model: PeftModel
    tokenizer: PreTrainedTokenizerFast
    engine: Engine
    packed: PackedEngine | None
    """Computes in the model's place where `engine` is the packed one."""
    digest_base: dict[str, str]
    trainable_parameters: int
    total_parameters: int
    adapted: list[str]
    """Names of the projections that have an adapter."""
    by_auto_class: bool
    """Whether transformers has a text classifier for the base as a whole."""


def load_model(
    profile: Profile,
    source: str,
    tokenizer_files: Path,
    rows: RunRows,
    hardware: Hardware,
    attempt: Attempt,
    stop: StopRequest,
    record: Record,
    ranks: Ranks,
) -> RunModel:
    """Raises SettingError for a base that is another than a resumed run's, or does not compute as it should."""
    record.begin("loading", "loading the base model")
    set_seed(profile.train.seed)
    precision, dtype = hardware.precision, device.DTYPES[hardware.precision]
    config = load_config(source, profile.model, max_length=profile.tokens.max_length)
    tokenizer = load_tokenizer(tokenizer_files, config)
    longest = rows.longest
    engine = choose_engine(
        profile,
        config.to_dict(),
        precision=precision,
        best=hardware.best_precision,
        longest=longest,
        free=ranks.least(device.free_memory()),
    )
    stop.heed()
    base, head = load_classifier(
        source, config, profile.model, dtype=dtype, device=device.place(), tell=partial(_tell, record)
    )
    record.begin("loading", "adding adapters, and trying the model on two rows")
    digest_base = base_digest(base_folder(source, profile.model.revision))
    attempt.demand_same_base(profile.model.checkpoint, digest_base)
    if precision == "fp16":
        keep_residual_in_float32(base)
    if head.fate != "new":
        record.write(Warning(message=f"{profile.model.checkpoint}: {head}"))
    model = add_adapters(base, profile.lora)
    demand_sound(model, rows.every, dtype=dtype, checkpoint=profile.model.checkpoint)
    trainable, total = parameter_counts(model)
    packed = None
    if engine.layout:
        packed = PackedEngine(model, dtype=dtype, longest=longest, layout=engine.layout)
    elif profile.train.gradient_checkpointing:
        checkpoint_activations(model)
    return RunModel(
        model=model,
        tokenizer=tokenizer,
        engine=engine,
        packed=packed,
        digest_base=digest_base,
        trainable_parameters=trainable,
        total_parameters=total,
        adapted=list(dict.fromkeys(adapters(model))),
        by_auto_class=has_class(AutoConfig.from_pretrained(source, revision=profile.model.revision)),
    )


def started(
    profile: Profile,
    read: Sequence[RowsRead],
    rows: RunRows,
    hardware: Hardware,
    made: RunModel,
    ranks: Ranks,
    commit_base: str,
) -> Started:
    """What the run is about to do, for its record."""
    return Started(
        rows_train=len(rows.train),
        rows_eval=len(rows.evaluation),
        rows_cut=rows.train_cut,
        tokens_train=rows.tokens(profile),
        steps=optimizer_steps(len(rows.train), profile.train),
        global_batch=profile.global_batch,
        trainable_parameters=made.trainable_parameters,
        total_parameters=made.total_parameters,
        adapted=made.adapted,
        precision=hardware.precision,
        device=hardware.device,
        ranks=ranks.devices(hardware.device),
        longest=rows.longest,
        prior_log_loss=rows.prior_log_loss,
        engine=made.engine.name,
        engine_reason=made.engine.reason,
        format=" and ".join(dict.fromkeys(one.format for one in read if one.format)),
        outcomes=settled(read).outcomes,
        outcomes_reason=settled(read).why,
        digest_train=rows.digest_train,
        digest_eval=rows.digest_eval,
        digest_base=made.digest_base,
        commit_base=commit_base,
        slurm=job_variables(),
    )
