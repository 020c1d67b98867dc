"""arena-tui itself as a wheel, made of the files that run here: whoever has no network installs it."""

from importlib.metadata import Distribution, distribution
from pathlib import Path

from wheel.wheelfile import WheelFile

DISTRIBUTION = "arena-tui"
PACKAGES = ("arena_tui", "core", "profiles")
SUFFIXES = (".py", ".toml", ".css", ".typed")
"""Of the files of a package; what is compiled, or lies there by chance, stays."""
ROOT = Path(__file__).parents[2]
"""Where the packages lie, in a checkout and in an installation."""


def write_wheel(folder: Path) -> Path:
    """Write the wheel into `folder`; returns its path. Raises PackageNotFoundError where arena-tui is not installed,
    and OSError."""
    found = distribution(DISTRIBUTION)
    name = f"{DISTRIBUTION.replace('-', '_')}-{found.version}"
    path = folder / f"{name}-py3-none-any.whl"
    with WheelFile(path, "w") as wheel:
        for package in PACKAGES:
            for file in sorted((ROOT / package).rglob("*")):
                if file.suffix in SUFFIXES and file.is_file():
                    wheel.write(str(file), str(file.relative_to(ROOT)))
        for file_name, text in _about(found):
            wheel.writestr(f"{name}.dist-info/{file_name}", text)
    return path


def _about(found: Distribution) -> list[tuple[str, str]]:
    """What an installer needs to know, as it is known of this installation; RECORD is the library's to write."""
    kept = [(name, found.read_text(name)) for name in ("METADATA", "entry_points.txt")]
    made = "Wheel-Version: 1.0\nGenerator: arena-tui\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    return [*((name, text) for name, text in kept if text is not None), ("WHEEL", made)]
