"""What each entry point loads: the console and the light commands nothing heavy, the engine nothing of the screen."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.runs.liveness import MODULES

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "transformers", "peft", "bitsandbytes", "accelerate", "datasets", "sklearn"}
SCREEN = {"textual", "rich", "arena_tui"}


def loaded(code: str) -> set[str]:
    """Top-level modules in memory after `code` ran in a fresh interpreter."""
    script = f"{code}\nimport sys, json\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    ran = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(ran.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import arena_tui.app.app, arena_tui.monitor.screen, arena_tui.plan.dialog, arena_tui.dataset.screen, "
        "arena_tui.report.screen",
        "import arena_tui.predict.screen, arena_tui.commands.export, core.predict.protocol",
        "import arena_tui.__main__, arena_tui.monitor.text, arena_tui.history.text",
        "from arena_tui.__main__ import main; main(['check', 'gemma2-9b-qlora'])",
        "from arena_tui.__main__ import main; main(['runs', '--json', '--runs-dir', '/nonexistent'])",
    ],
)
def test_the_console_process_loads_nothing_heavy(code: str) -> None:
    assert not loaded(code) & HEAVY


def test_neither_the_first_screen_nor_the_curves_wait_for_arrays() -> None:
    code = "import arena_tui.app.app, arena_tui.monitor.screen, arena_tui.predict.screen, arena_tui.predict.list_screen"
    assert not loaded(code) & {"numpy", "pyarrow"}


def test_help_loads_neither_engine_nor_screen() -> None:
    code = "from arena_tui.commands.line import _parser; _parser().format_help()"
    assert not loaded(code) & {"textual", "rich", "core", "msgspec", "argcomplete", "argparse_manpage", *HEAVY}


def test_commands_that_ask_a_child_do_not_wait_for_the_screen() -> None:
    code = "import arena_tui.children.child, arena_tui.dataset.text, arena_tui.monitor.text, arena_tui.commands.predict"
    assert not loaded(code) & {"textual", "rich"}


def test_the_light_half_of_the_engine_loads_nothing_heavy_and_no_screen() -> None:
    code = (
        "import core.runs.state, core.runs.process, core.plan.protocol, core.profile.files, core.data.rows, "
        "core.engine.memory"
    )
    assert not loaded(code) & (HEAVY | SCREEN)


def test_what_both_front_ends_do_with_runs_needs_neither_arrays_nor_screen() -> None:
    assert not loaded("import core.runs.actions, core.predict.actions, core.protocol") & (HEAVY | SCREEN | {"numpy"})


def test_neither_front_end_starts_a_run_or_makes_its_folder_by_itself() -> None:
    of_the_kitchen = {"launch", "create_run", "create_prediction", "settle", "prepare", "TRAIN", "RESUME", "RUNNER"}
    named = {
        (alias.name, str(path))
        for path in ROOT.glob("arena_tui/**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("core.")
        for alias in node.names
    }
    assert {name for name, _ in named} & {"new_run", "resume", "predict", "stop"}, "nothing was looked at"
    assert sorted((name, path) for name, path in named if name in of_the_kitchen) == [
        ("TRAIN", str(ROOT / "arena_tui/app/app.py"))
    ], "TRAIN is what tests replace in the console"


def test_every_program_that_works_in_a_folder_is_known_by_its_command_line() -> None:
    programs = [path for path in ROOT.glob("core/*/__main__.py") if "describe_this_process(" in path.read_text()]
    assert {f"core.{path.parent.name}" for path in programs} == MODULES


def test_the_command_of_a_child_is_written_in_one_place() -> None:
    places = [
        path for path in (*ROOT.glob("core/**/*.py"), *ROOT.glob("arena_tui/**/*.py")) if '"-m"' in path.read_text()
    ]
    assert [str(path.relative_to(ROOT)) for path in places] == ["core/protocol.py", "core/runs/liveness.py"]


@pytest.mark.parametrize(
    "module", ["core.plan.__main__", "core.inspect.__main__", "core.predict.__main__", "core.runs.queue_runner"]
)
def test_first_figures_wait_for_no_library_that_does_not_make_them(module: str) -> None:
    assert not loaded(f"import {module}") & (HEAVY | {"scipy", "pandas"})


@pytest.mark.slow
def test_the_child_does_not_know_the_screen() -> None:
    code = "import core.train.__main__, core.train.trainer, core.model.load, core.model.lora, core.train.results"
    assert not loaded(code) & {"textual", "arena_tui"}


@pytest.mark.slow
def test_transformers_models_are_listed_once_and_all_of_them() -> None:
    code = """
from core.libraries import importing_libraries
with importing_libraries():
    pass
from pathlib import Path
from transformers import models
from transformers.utils import import_utils
print(import_utils.define_import_structure.cache_info().misses)
anew = import_utils._LazyModule(models.__name__, models.__file__, import_utils.define_import_structure(models.__file__))
print(dir(anew) == dir(models), anew._class_to_module == models._class_to_module)
"""
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["1", "True True"]


def test_a_prediction_itself_loads_no_model() -> None:
    code = "import core.predict.__main__, core.predict.passes, core.predict.results, core.predict.results"
    assert not loaded(code) & {"torch", "transformers", "peft", "bitsandbytes", *SCREEN}


@pytest.mark.slow
def test_arrow_is_used_without_pandas_where_it_is_kept_out() -> None:
    code = "from core.imports import keep_pandas_out; keep_pandas_out(); import pyarrow; pyarrow.array([1]).to_numpy()"
    assert "pandas" in loaded("import pyarrow; pyarrow.array([1]).to_numpy()"), "then nothing is gained by it any more"
    assert "pandas" not in loaded(code)
