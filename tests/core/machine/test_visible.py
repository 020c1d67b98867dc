"""CUDA_VISIBLE_DEVICES: the card that is meant is the one that is taken, and a card that is not there is said so."""

import subprocess
import sys
from argparse import ArgumentTypeError

import pytest

from arena_tui.commands.predict import _cards
from core.machine.gpus import visible_gpus
from core.machine.visible import Installed, Instance, read_visible

A, B = "GPU-afacfee6-5f48-89cf-51ee-1564dc1863b6", "GPU-afcb26ce-dacb-b2b7-907a-24118d9e5608"
TWO = (Installed(A), Installed(B))

HALF, OTHER = "MIG-6f1a3a2e-0d1a-5e0c-9c9b-3a5f4f1d2c10", "MIG-6f77c2d4-41f0-5a6c-8a0e-9b1f0e6d7a55"
DIVIDED = (Installed(A), Installed(B, (Instance(HALF, 1, 0), Instance(OTHER, 2, 0))))

# What driver 580 answered for each, on two cards (the UUIDs were others).
SEEN = [
    (None, "01"), ("", ""), ("0", "0"), ("1", "1"), ("1,0", "10"), ("-1", ""), ("2", ""), ("0,2,1", "0"),
    ("0,-1,1", "0"), ("0,-1,0", "0"), ("0,0", ""), ("0,1,0", ""), ("0, 1", "01"), (" 1 , 0", "10"), ("+1", "1"),
    ("01", "1"), ("1x", "1"), ("1gpu2,0", "10"), ("0x1", "0"), ("1.5", "1"), ("1;0", "1"), ("x", ""), ("0,x,1", "0"),
    ("0,,1", "0"), (",0", ""), ("NoDevFiles", ""), ("all", ""), ("none", ""), ("9" * 20, ""),
    (A, "0"), (f"{B},{A}", "10"), (f"{A},{A}", ""), (A[:8], "0"), (A[:7], "0"), (A[:6], ""), ("GPU-", ""), ("GPU", ""),
    (A.upper(), "0"), (A.lower(), ""), (A[4:], ""), (f"{A}0", "0"), (f"{A[:-1]}x", ""), (f"{B},0", "1"),
    (f"0,{B}", "0"), (f"1,{B}", "1"), (f"{A}, {B}", "0"), (f" {B}", ""), (f"{B} ", "1"), (f"{B[:12]},{B}", ""),
    (f"{A},GPU-ffff,{B}", "0"), (f"MIG-{B}/0/0", ""), (f"{B},MIG-{A}/0/0", "1"), ("GPU-" + A[4:].replace("-", ""), "0"),
    ("-0", "0"), ("-0,0", ""), ("00,0", ""), (" ", ""), ("0,", "0"), ("1 0", "1"), ("1\t", "1"), ("0,1,1", ""),
    ("0,0,x", ""), ("x,0,0", ""), ("0,9,0,0", "0"), (f"{B[:9]} ", ""), (f"{B[:9]}-", "1"), (f"{B[:14]}--", "1"),
    (f"{A[:8]},{A[:9]}", ""), (f"{A},{B},{A}", ""), (f"{A},x,{A}", "0"), (f"{A[:8]}x", ""), (f"{A} x", "0"),
    (f"{A};{B}", "0"), (B.lower().replace("gpu", "GPU"), "1"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "seen"), SEEN)
def test_the_cards_that_are_seen_are_those_that_cuda_shows(text: str | None, seen: str) -> None:
    assert read_visible(text, TWO).names == tuple(seen)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, ("0", HALF, OTHER)),
        (HALF, (HALF,)),
        (f"{OTHER},{HALF}", (OTHER, HALF)),
        (OTHER[:8], (OTHER,)),
        (HALF[:6], ()),
        (f"MIG-{B}/2/0", (OTHER,)),
        (f"MIG-{B[:10]}/1/0,MIG-{B}/2/0", (HALF, OTHER)),
        (f"MIG-{B}/2/1", ()),
        (f"MIG-{A}/1/0", ()),
        (f"{HALF},MIG-{B}/1/0", ()),
        ("1", (HALF,)),
        (B, (HALF,)),
        ("1,0", (HALF, "0")),
        (f"0,{HALF}", ("0",)),
    ],
)
def test_a_part_of_a_divided_card_is_found_by_each_of_its_names(text: str | None, names: tuple[str, ...]) -> None:
    assert read_visible(text, DIVIDED).names == names


def test_a_divided_card_without_parts_is_none() -> None:
    assert read_visible(None, (Installed(A, ()), Installed(B))).names == ("1",)
    assert read_visible("0", (Installed(A, ()), Installed(B))).names == ()


@pytest.mark.parametrize("text", ["", " ", "-1", "0,-1", "NoDevFiles", "0,", "1"])
def test_cards_that_are_hidden_on_purpose_are_no_trouble(text: str) -> None:
    assert read_visible(text, TWO).trouble is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("7", "CUDA_VISIBLE_DEVICES=7: '7' is not a card here"),
        ("0,x", "'x' is not a card here"),
        ("GPU-a", "'GPU-a' is not a card here"),
        ("1,1", "'1' names a card twice, which hides all cards"),
        (f"{A},{A[:9]}", "names a card twice"),
    ],
)
def test_a_card_that_is_asked_for_and_is_not_there_is_told(text: str, told: str) -> None:
    assert told in (read_visible(text, TWO).trouble or "")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, ("cpu",)), ("0,1", ("0", "1")), (" 1 ,0", ("1", "0")), (B[:9], (B[:9],)), (HALF, (HALF,)),
        ("", ("cpu",)), ("NoDevFiles", ("cpu",)), ("-1", ("cpu",)), ("0,0", ("cpu",)),
    ],
)  # fmt: skip
def test_where_no_driver_lists_cards_what_could_be_one_is_believed(text: str | None, names: tuple[str, ...]) -> None:
    assert (read_visible(text, None).names or ("cpu",)) == names


@pytest.mark.parametrize("text", ["0", "1,0", B[:9], f"{A},{B}", HALF])
def test_a_prediction_takes_cards_by_any_of_their_names(text: str) -> None:
    if visible_gpus() == ("cpu",):
        assert _cards(text) == text.split(",")


@pytest.mark.parametrize("text", ["", "x", "0,0", "0,-1", "0,", "NoDevFiles"])
def test_a_prediction_refuses_cards_that_are_none(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="by number, UUID or MIG id"):
        _cards(text)


TAKES = """
import os, sys
from core.machine.gpus import ORDER_VARIABLE
from core.machine.visible import GPU_VARIABLE
from core.engine import device
for text in sys.argv[1:]:
    os.environ[GPU_VARIABLE] = text
    os.environ.pop(ORDER_VARIABLE, None)
    try:
        print(device.use_one_gpu(), os.environ[ORDER_VARIABLE], os.environ[GPU_VARIABLE], sep="|")
    except device.GpuError as error:
        print(error)
"""


@pytest.mark.slow
def test_a_run_takes_one_card_in_the_order_of_nvidia_smi_or_says_why_not() -> None:
    if visible_gpus() != ("cpu",):
        pytest.skip("this machine has cards of its own")
    command = [sys.executable, "-c", TAKES, "1,0", " 1", "0,x", "NoDevFiles", "5,5"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told == [
        "2 GPUs are visible; this run uses GPU 1. Set CUDA_VISIBLE_DEVICES to choose another, run.gpus for several"
        "|PCI_BUS_ID|1",
        "None|PCI_BUS_ID|1",
        "CUDA_VISIBLE_DEVICES=0,x: 'x' is not a card here|PCI_BUS_ID|0",
        "None|PCI_BUS_ID|",
        "CUDA_VISIBLE_DEVICES=5,5: '5' names a card twice, which hides all cards; `nvidia-smi -L` lists them",
    ]
