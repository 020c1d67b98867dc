"""A secret of this user's on this machine, by which they know again what they have written themselves."""

import hashlib
import hmac
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from core.user import state_folder

SIZE = 32
"""Bytes."""


def secret_file() -> Path:
    return state_folder() / "secret"


def sign(content: bytes) -> str:
    """A seal on `content` that only this user can make; the secret is made with the first. Raises OSError."""
    return _seal(_read() or _make(), content)


def is_signed(content: bytes, seal: str) -> bool:
    """Whether this user has made the seal, as far as they can tell: without a secret that is theirs they cannot."""
    try:
        secret = _read()
    except OSError:  # whoever signs is told
        return False
    return secret is not None and hmac.compare_digest(_seal(secret, content).encode(), seal.encode())


def _seal(secret: bytes, content: bytes) -> str:
    return hmac.new(secret, content, hashlib.sha256).hexdigest()


def _read() -> bytes | None:
    path = secret_file()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123  (a descriptor has no path)
        found = os.fstat(descriptor)
        is_theirs = stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
        content = file.read(SIZE + 1) if is_theirs else b""
    if len(content) != SIZE:
        raise PermissionError(
            f"{path} is no secret of yours: a file of {SIZE} bytes that only you may read. Delete it; "
            "what waits in a queue has to be adopted then"
        )
    return content


def _make() -> bytes:
    """Of two processes that make it at once both use that of the first."""
    path = secret_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123
            file.write(secrets.token_bytes(SIZE))
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            path.hardlink_to(aside)
    finally:
        aside.unlink(missing_ok=True)
    made = _read()
    assert made is not None
    return made
