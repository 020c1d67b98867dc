"""A dry run of the notebook that `arena-tui export --kaggle` writes: `python tests/benchmarks/kaggle.py RUN`.

Exports RUN, a run of the demo, fetches the wheels as the export says, makes a clean virtual environment with what a
notebook's image has anyway, and runs the notebook's cells there on the demo's rows, in a network namespace of their own
where nothing can be reached. It takes some minutes, needs root for the namespace, and the network until then.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGE = (
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "pyarrow",
    "pandas",
    "packaging",
    "pyyaml",
    "tqdm",
    "regex",
    "requests",
    "anyio",
    "h11",
    "click",
)
"""Of Kaggle's image, in the versions that are installed here: its own were not tried."""


def run(*command: str, **options: object) -> None:
    print("+", *command, flush=True)
    subprocess.run(command, check=True, **options)  # type: ignore[call-overload]


def main(exported: str) -> None:
    from importlib.metadata import version

    from core.demo.assets import demo_folder

    with tempfile.TemporaryDirectory() as scratch:
        data, venv, work = Path(scratch) / "arena-demo", Path(scratch) / "venv", Path(scratch) / "work"
        work.mkdir()
        run(sys.executable, "-m", "arena_tui", "export", exported, "--kaggle", str(data))
        pip = (sys.executable, "-m", "pip")
        fetch = ("download", "--quiet", "--only-binary", ":all:", "--no-deps")
        run(*pip, *fetch, "-r", str(data / "requirements.txt"), "-d", str(data / "wheels"))
        run(sys.executable, "-m", "venv", str(venv))
        python = str(venv / "bin" / "python")
        run(python, "-m", "pip", "install", "--quiet", *(f"{name}=={version(name)}" for name in IMAGE))
        cells = json.loads((data / "predict.ipynb").read_text())["cells"]
        code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        for name, value in (("HERE", data), ("BASE", demo_folder() / "model"), ("ROWS", demo_folder() / "test.csv")):
            code = _set(code, name, value)
        (work / "cells.py").write_text(code)
        bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        try:
            run("unshare", "--net", python, "cells.py", cwd=work, env=bare)
        except subprocess.CalledProcessError:
            for log in work.rglob("console.log"):
                print(log.read_text())
            raise


def _set(code: str, name: str, value: Path) -> str:
    """The code with another path: the user's part of the notebook."""
    [line] = [line for line in code.splitlines() if line.startswith(f"{name} = ")]
    return code.replace(line, f"{name} = {'Path' if name == 'HERE' else 'str'}({str(value)!r})")


if __name__ == "__main__":
    main(sys.argv[1])
