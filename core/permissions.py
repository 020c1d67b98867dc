"""Lets files be read by whom their folder lets in: safetensors writes its own for nobody but their owner."""

from pathlib import Path

READ_AND_WRITE = 0o666


def as_their_folder(folder: Path) -> None:
    """Give each file in `folder`, a new one, the permissions that the umask gave to the folder. Raises OSError."""
    mode = folder.stat().st_mode & READ_AND_WRITE
    for path in folder.iterdir():
        if path.is_file() and not path.is_symlink():
            path.chmod(mode)
