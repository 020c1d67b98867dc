"""The moving average of trained weights: what it comes to, where it stands in for them, and what a run saves."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import SECONDS, Start
from transformers import TrainerState

from core.train.ema import FILE, MovingAverage


def step(average: MovingAverage, weight: torch.nn.Parameter, number: int, value: float) -> None:
    with torch.no_grad():
        weight.fill_(value)
    average.on_step_end(None, TrainerState(global_step=number), None)


def test_it_is_the_recursion_and_stands_in_for_the_weights_for_a_while(tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.full((2, 3), 5.0))
    average, expected = MovingAverage(0.6, {"w": weight}), 5.0
    for number, value in enumerate([1.0, -2.0, 7.0, 0.5, 3.0, 4.0, 2.0, 8.0], 1):
        step(average, weight, number, value)
        decay = min(0.6, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * value
    with pytest.raises(RuntimeError), average.in_place():
        assert weight.tolist()[0] == pytest.approx([expected] * 3)
        raise RuntimeError
    assert weight.unique().tolist() == [8.0], "training goes on with the plain ones"

    average.save(tmp_path)
    again = torch.nn.Parameter(torch.zeros(2, 3))
    resumed = MovingAverage(0.6, {"w": again})
    resumed.load(tmp_path)
    for one, weights in ((average, weight), (resumed, again)):
        step(one, weights, 9, -1.0)
        one.settle()
    assert torch.equal(weight, again)


@pytest.mark.slow
def test_a_run_saves_the_average_and_its_checkpoint_both(start: Start) -> None:
    folder, child = start("train.ema=0.9", "train.epochs=1")
    assert child.wait(SECONDS) == 0, folder.console_log.read_text()
    checkpoint = max(folder.checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    saved = load_file(folder.adapter / "adapter_model.safetensors")
    plain = load_file(checkpoint / "adapter_model.safetensors")
    averages = {
        name.replace(".default", "").replace("modules_to_save.", ""): weight
        for name, weight in load_file(checkpoint / FILE).items()
    }
    assert averages.keys() == saved.keys()
    for name, weight in averages.items():
        assert torch.equal(weight, saved[name]), name
        assert not torch.equal(weight, plain[name]), name
