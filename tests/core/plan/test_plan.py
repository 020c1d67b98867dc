"""The plan before a run: real children, and figures that agree with what runs of the same profile then do."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from pyarrow import parquet
from tiny_runs import SETTINGS, copy_of

from arena_tui.format.numbers import gib
from arena_tui.plan.text import as_text
from core.cache import CACHE_VARIABLE
from core.engine.fit import judge, judge_need, smallest_change
from core.engine.memory import predict
from core.engine.steps import evaluations
from core.machine.gpus import look, memory
from core.machine.system import GroupMemory, group_memory, memory_groups
from core.model.shape import ModelShape, read_shape
from core.plan.__main__ import plans
from core.plan.history import measure, memory_factor, past_runs, speed
from core.plan.protocol import PLAN, Plan
from core.profile.errors import SettingError
from core.profile.load import parse_profile, to_toml
from core.profile.settings import Profile
from core.runs.events import Evaluated, Started
from core.runs.folder import RunFolder
from core.runs.metrics import read_metrics, save_metrics
from core.runs.record import Tail

pytestmark = [pytest.mark.xdist_group("finished run"), pytest.mark.slow]

GIB = 2**30


@pytest.fixture(scope="module")
def profile_file(tmp_path_factory: pytest.TempPathFactory, train_csv: Path, checkpoint: Path) -> Path:
    path = tmp_path_factory.mktemp("plan") / "tiny.toml"
    own = [f"data.train={train_csv}", f"model.checkpoint={checkpoint}"]
    path.write_text(to_toml(parse_profile(SETTINGS, source="tiny", overrides=own)))
    return path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For this process and those that it starts."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))


def planned(runs: Path, profile_file: Path, *overrides: str, measuring: bool = False) -> Plan:
    profile = parse_profile(profile_file.read_text(), source="tiny", overrides=overrides)
    *_, last = plans(profile, runs, measuring=measuring)
    return last


@pytest.fixture(scope="module")
def shape() -> ModelShape:
    """Gemma-2 9B's."""
    config = {
        "model_type": "gemma2", "hidden_size": 3584, "intermediate_size": 14336, "num_hidden_layers": 42,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256, "vocab_size": 256_000,
    }  # fmt: skip
    found = read_shape(config, Profile().model)
    assert found
    return found


def test_the_plan_agrees_with_the_run_it_was_made_for(finished: RunFolder, profile_file: Path, tmp_path: Path) -> None:
    """And the next plan knows from that run how long it takes and how good its memory figure was."""
    before = planned(tmp_path / "runs", profile_file)
    assert before.problem is None
    assert before.time is None

    started = next(event for event in Tail(finished.events).read() if isinstance(event, Started))
    metrics = read_metrics(finished.metrics)
    assert metrics
    assert (before.rows_train, before.rows_eval, before.steps) == (
        started.rows_train, started.rows_eval, started.steps,
    )  # fmt: skip
    assert (before.trainable_parameters, before.total_parameters) == (
        started.trainable_parameters, started.total_parameters,
    )  # fmt: skip
    assert before.adapted == started.adapted == ["q_proj", "k_proj", "v_proj"]
    assert (before.adapters, before.head) == (3 * 3, "its head is new")
    assert before.tokens
    assert (before.tokens.effective, before.tokens.longest) == (metrics.tokens, metrics.longest)
    assert before.disk
    on_disk = [path for path in (finished.checkpoints / "checkpoint-6").rglob("*") if path.is_file()]
    assert before.disk.checkpoint == pytest.approx(sum(path.stat().st_size for path in on_disk), rel=0.15)

    after = planned(finished.path.parent, profile_file)
    assert after.time
    assert finished.id in after.time.basis
    assert after.time.training == pytest.approx(metrics.tokens / after.time.tokens_per_second)
    assert after.time.tokens_per_second == pytest.approx(metrics.tokens_per_second, rel=3)


def test_a_few_measured_steps_tell_the_time_where_no_run_does(profile_file: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    measured = planned(runs, profile_file, measuring=True)
    assert measured.problem is None
    assert measured.time
    assert "measure" in measured.time.basis
    assert planned(runs, profile_file).time == measured.time
    other = planned(runs, profile_file, "train.per_device_batch_size=2")
    assert other.time is None  # computed otherwise, so it is not known
    assert not runs.exists()


def test_steps_of_a_run_of_several_machines_are_measured_on_one_rank(profile_file: Path) -> None:
    """The others, which nobody has started, would be waited for."""
    asked = parse_profile(profile_file.read_text(), source="tiny", overrides=["run.nodes=2", "run.gpus=2"])
    ran = measure(asked)
    assert (ran.profile.run.nodes, ran.profile.run.gpus) == (1, 1)
    assert ran.metrics.steps


def test_a_plan_for_fp16_on_a_processor_ends_with_the_reason(profile_file: Path, tmp_path: Path) -> None:
    made = parse_profile(profile_file.read_text(), source="tiny", overrides=["train.precision=fp16"])
    told = plans(made, tmp_path / "runs", measuring=False)
    with pytest.raises(SettingError, match=r"train\.precision = 'fp16': a processor computes a run in fp32"):
        list(told)


def test_layers_that_a_short_model_does_not_have_are_told_before_its_memory_is_reckoned(
    profile_file: Path, tmp_path: Path
) -> None:
    made = parse_profile(profile_file.read_text(), source="tiny", overrides=["lora.freeze_layers=16"])
    told: list[Plan] = []
    with pytest.raises(SettingError, match=r"the model has 4 layers; none is left\. 0 adapts all of them, 2 leaves"):
        told.extend(plans(made, tmp_path / "runs", measuring=False))
    assert told
    assert all(plan.memory is None for plan in told)


def test_a_checkpoint_whose_tokenizer_has_to_be_converted_is_planned(
    profile_file: Path, checkpoint: Path, tmp_path: Path
) -> None:
    """What it is converted into holds the tokenizer, and no configuration of a model."""
    folder = tmp_path / "older"
    shutil.copytree(checkpoint, folder)
    known = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(known["vocab"]))
    merges = (pair if isinstance(pair, str) else " ".join(pair) for pair in known["merges"])
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{pair}\n" for pair in merges))
    settings = json.loads((folder / "tokenizer_config.json").read_text()) | {"tokenizer_class": "GPT2Tokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    made = planned(tmp_path / "runs", profile_file, f"model.checkpoint={folder}")
    assert made.memory is not None
    assert made.trainable_parameters


def test_a_measurement_that_fails_says_why(profile_file: Path, tmp_path: Path) -> None:
    """Through the child, whose last line it is."""
    command = [*PLAN, "--measure", str(tmp_path / "runs"), str(profile_file), "lora.target_modules=['no_such']"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    assert ran.returncode != 0
    last = msgspec.json.decode(ran.stdout.splitlines()[-1], type=Plan)
    assert "no_such" in (last.problem or "")


def test_runs_of_other_machines_and_unfinished_ones_tell_nothing(finished: RunFolder, tmp_path: Path) -> None:
    folder = copy_of(finished, tmp_path / "runs" / finished.id)
    metrics, info = read_metrics(folder.metrics), folder.read_info()
    assert metrics
    assert info
    name = look(tmp_path).name
    [past] = past_runs([tmp_path / "runs"], name)
    assert speed([past], past.profile, metrics.precision, "padded")
    assert speed([past], past.profile, "bf16", "padded") is None
    assert speed([past], past.profile, metrics.precision, "packed") is None
    folder.evaluation.unlink()
    assert speed([past], past.profile, metrics.precision, "padded") is None
    evaluates_nothing = replace(past.profile, split=replace(past.profile.split, by="none"))
    known = speed([past], evaluates_nothing, metrics.precision, "padded")
    assert known
    assert known.seconds_per_eval_token == 0
    assert past_runs([tmp_path / "runs"], "another card") == []
    folder.write_info(msgspec.structs.replace(info, host="elsewhere"))
    assert past_runs([tmp_path / "runs"], name) == []
    folder.write_info(info)
    folder.metrics.write_text("{")
    assert past_runs([tmp_path / "runs"], name) == []


def test_past_peaks_correct_the_prediction(finished: RunFolder, checkpoint: Path, tmp_path: Path) -> None:
    folder = copy_of(finished, tmp_path / "runs" / finished.id)
    metrics = read_metrics(folder.metrics)
    assert metrics
    profile = parse_profile(folder.resolved.read_text(), source="resolved")
    shape = read_shape(json.loads((checkpoint / "config.json").read_text()), profile.model)
    assert shape
    predicted = predict(profile, shape, precision=metrics.precision, length=metrics.longest).total
    save_metrics(folder.metrics, replace(metrics, memory_peak=round(predicted * 1.25)))
    factor, runs = memory_factor(past_runs([tmp_path / "runs"], look(tmp_path).name), profile, shape)
    assert (round(factor, 3), runs) == (1.25, 1)
    other = replace(profile, model=replace(profile.model, quantization="int8"))
    assert memory_factor(past_runs([tmp_path / "runs"], look(tmp_path).name), other, shape) == (1.0, 0)


def test_the_verdict_gets_worse_with_less_memory() -> None:
    verdicts = [judge(7 * GIB, free * GIB) for free in (80, 10, 9, 8, 7, 0)]
    assert verdicts == ["fits", "fits", "fits", "tight", "does not fit", "does not fit"]


@pytest.mark.parametrize(
    ("free", "keys"),
    [
        (141, set()),
        (40, {"train.per_device_batch_size", "train.gradient_accumulation"}),
        (14, {"train.gradient_checkpointing"}),
        (10, {"train.per_device_batch_size", "train.gradient_accumulation", "train.gradient_checkpointing"}),
    ],
)
def test_the_smallest_change_keeps_the_global_batch_and_fits(shape: ModelShape, free: int, keys: set[str]) -> None:
    whole = ["train.per_device_batch_size=8", "train.gradient_accumulation=1", "train.gradient_checkpointing=false"]
    profile = parse_profile("", source="", overrides=whole)
    change = smallest_change(
        profile, shape, precision="bf16", longest=1024, is_packed=False, factor=1.0, free=free * GIB
    )
    assert change is not None
    assert keys <= {one.key for one in change} <= {*keys, "eval.per_device_batch_size"}
    changed = parse_profile("", source="", overrides=[*whole, *(one.override for one in change)])
    assert changed.global_batch == 8
    assert judge(predict(changed, shape, precision="bf16", length=1024).total, free * GIB) == "fits"


def test_where_nothing_fits_no_change_is_named(shape: ModelShape) -> None:
    assert (
        smallest_change(Profile(), shape, precision="bf16", longest=1024, is_packed=False, factor=1.0, free=4 * GIB)
        is None
    )


@pytest.mark.parametrize(
    ("every", "steps", "times"), [("epoch", 100, 1), ("25", 100, 4), ("30", 100, 4), ("500", 100, 1)]
)
def test_evaluations_are_counted_as_they_happen(every: str, steps: int, times: int) -> None:
    assert evaluations(steps, parse_profile("", source="", overrides=[f"eval.every={every}"])) == times


def test_the_command_tells_the_plan_in_words_and_as_json(profile_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "arena_tui", "plan", str(profile_file), "--runs-dir", str(tmp_path)]
    ran = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    plan = msgspec.json.decode(ran.stdout, type=Plan)
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert plan.memory
    assert f"{plan.trainable_parameters:,}" in words
    assert "no run of this kind on this machine yet" in words
    assert re.search(r"adapters +9  on q_proj, k_proj, v_proj; its head is new\n", words)
    bad = subprocess.run([*command, "--set", "data.train=absent.csv"], capture_output=True, text=True)
    assert bad.returncode == 2
    assert "absent.csv" in bad.stdout


def test_evaluation_is_timed_by_its_tokens_and_twice_at_the_end_where_the_copies_are_scored_too(
    finished: RunFolder, profile_file: Path
) -> None:
    took = sum(event.seconds for event in Tail(finished.events).read() if isinstance(event, Evaluated))

    def evaluating(*overrides: str) -> tuple[float, int]:
        plan = planned(finished.path.parent, profile_file, *overrides)
        assert plan.time
        assert plan.tokens
        return plan.time.evaluation, plan.tokens.evaluated

    seconds, tokens = evaluating()
    assert tokens == sum(parquet.read_table(finished.evaluation)["tokens"].to_pylist())
    assert seconds == pytest.approx(took)
    shorter, fewer = evaluating("tokens.max_length=32")
    assert fewer < tokens
    assert shorter == pytest.approx(took * fewer / tokens)
    assert evaluating("eval.swap=true")[0] == pytest.approx(2 * took)
    assert evaluating("eval.swap=true", "eval.every=3")[0] == pytest.approx(3 * took), (
        "two of six steps, and the copies"
    )


@pytest.mark.parametrize(
    ("group", "files", "limit", "free"),
    [
        ("0::/user.slice/run\n", {"user.slice/run": ("max", "max", 700)}, None, None),
        ("0::/user.slice/run\n", {"user.slice/run": ("1000", "max", 700)}, 1000, 400),
        ("0::/user.slice/run\n", {"user.slice/run": ("1000", "900", 700)}, 900, 300),
        ("0::/user.slice/run\n", {"user.slice/run": ("max", "max", 9), "user.slice": ("2000", "max", 1950)}, 2000, 150),
        ("0::/user.slice/run\n", {"user.slice/run": ("9000", "max", 9), "user.slice": ("2000", "max", 50)}, 2000, 2000),
        ("0::/\n", {"": ("500", "max", 900)}, 500, 0),
        ("0::/elsewhere\n", {}, None, None),
        ("4:memory:/docker/abc\n0::/\n", {"memory/docker/abc": (str(2**63 - 4096), "", 700)}, None, None),
        ("4:memory:/docker/abc\n0::/\n", {"memory/docker/abc": ("1000", "", 700)}, 1000, 400),
        ("4:memory:/docker/abc\n0::/\n", {"memory": ("1000", "", 700)}, 1000, 400),
        ("4:cpu:/x\n", {}, None, None),
    ],
)
def test_what_a_control_group_may_take_is_what_its_tightest_limit_leaves(
    group: str, files: dict[str, tuple[str, str, int]], limit: int | None, free: int | None, tmp_path: Path
) -> None:
    """Of both versions; files that were read and can go are no use that counts."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(group)
    for name, (most, high, used) in files.items():
        folder = tmp_path / "sys/fs/cgroup" / name
        folder.mkdir(parents=True, exist_ok=True)
        is_first = name.startswith("memory")
        texts = {
            "memory.limit_in_bytes" if is_first else "memory.max": most,
            "memory.usage_in_bytes" if is_first else "memory.current": str(used),
            "memory.stat": "anon 5\ninactive_file 100\n" + "total_inactive_file 100\n" * is_first,
            **({"memory.high": high} if high else {}),
        }
        for file, text in texts.items():
            (folder / file).write_text(f"{text}\n")
    found = group_memory(tmp_path)
    assert found == (None if limit is None else GroupMemory(limit, free or 0))
    if found:
        assert memory(tmp_path) == (free, limit)


LIMIT = 512 << 20
LOOKS = """
import os, sys
from pathlib import Path
Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
from core.machine.gpus import look, memory
held = bytearray(64 << 20)
machine = look(Path("/"))
print(machine.card is None, machine.memory, machine.memory_free)
"""


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group of LIMIT bytes, where this user may make one."""
    for group in memory_groups():
        made = group / f"arena-tui-{os.getpid()}"
        try:
            made.mkdir()
        except OSError:
            continue
        try:
            limit = next(made / name for name in ("memory.limit_in_bytes", "memory.max") if (made / name).exists())
            limit.write_text(str(LIMIT))
            yield made
        except (OSError, StopIteration):
            break
        finally:
            made.rmdir()
        return
    pytest.skip("making a control group takes root, and a kernel that limits memory here")


def test_in_a_group_with_a_limit_the_machine_has_no_more_than_that(small_group: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-P", "-c", LOOKS, str(small_group)], capture_output=True, text=True, check=True
    )
    without_card, total, free = ran.stdout.split()
    if without_card == "True":
        assert int(total) == LIMIT
        assert LIMIT / 4 < int(free) <= LIMIT - (64 << 20)


def test_without_a_card_the_plan_says_whether_the_processor_has_the_memory(profile_file: Path, tmp_path: Path) -> None:
    plan = planned(tmp_path / "runs", profile_file)
    assert plan.memory
    if plan.memory.card:
        pytest.skip("this machine has a card")
    here = plan.memory.processor
    assert here
    assert (here.precision, plan.memory.precision) == ("fp32", "bf16")
    assert here.free == pytest.approx(look(tmp_path).memory_free, rel=0.2)
    assert here.verdict == judge_need(here.parts.total, here.free)
    told = as_text(plan, parse_profile(profile_file.read_text(), source="x"))
    assert re.search(
        rf"peak memory +{gib(here.parts.total)}  {here.verdict}: [0-9.]+ GiB free; the processor computes in fp32", told
    )
    assert re.search(r"MiB  Python with its libraries and threads\n", told)


def test_the_predicted_peak_of_a_processor_is_about_what_a_run_took(finished: RunFolder, profile_file: Path) -> None:
    metrics = read_metrics(finished.metrics)
    plan = planned(finished.path.parent, profile_file)
    assert metrics
    assert plan.memory
    if plan.memory.processor:
        assert plan.memory.processor.parts.total == pytest.approx(metrics.memory_peak, rel=0.3)
