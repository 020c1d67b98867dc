"""Whether systemd would end a run when its user logs out, read from logind's configuration and from where we are.

logind.conf(5): at the end of a login session its scope is ended, with all in it, where KillUserProcesses says so and
the lists of users do not say otherwise; that a run is a session leader does not lead it out of the scope. Lingering
spares what runs under the user's manager (user@UID.service), which else ends with the last login; it spares no scope.
"""

import configparser
import re
from pathlib import Path

from core.user import user_name

DIRECTORIES = ("etc", "run", "usr/local/lib", "usr/lib")
"""Where systemd looks for configuration, the most important first."""
SESSION = re.compile(r"/session-[^/]+\.scope(/|$)")
MANAGER = re.compile(r"/user@\d+\.service(/|$)")
LINGER = "`loginctl enable-linger`"


def logout_warning(user: str | None = None, root: Path = Path("/")) -> str | None:
    """What would end a run of `user` started from this process, and the way out; None where nothing would.

    Everything is read below `root`.
    """
    user = user or user_name()
    group = _control_group(root)
    if SESSION.search(group) and kills_user_processes(user, root):
        return (
            "Logging out would end this run: systemd-logind ends what a session has started (KillUserProcesses). "
            f"The way out: {LINGER} once, and start with `systemd-run --user --scope arena-tui`."
        )
    if MANAGER.search(group) and not (root / "var/lib/systemd/linger" / user).exists():
        return (
            "Logging out would end this run: it belongs to the user's systemd, which ends with the last session. "
            f"The way out: {LINGER}."
        )
    return None


def kills_user_processes(user: str, root: Path) -> bool:
    """Whether logind ends the processes of `user`'s sessions with them. Root is spared unless the lists differ."""
    settings = _login_settings(root)
    if user in settings.get("killexcludeusers", "root").split():
        return False
    if only := settings.get("killonlyusers", "").split():
        return user in only
    return settings.get("killuserprocesses", "no").lower() in ("yes", "true", "on", "1", "y", "t")


def _login_settings(root: Path) -> dict[str, str]:
    """[Login] of logind.conf and of its drop-ins: of files with one name the first directory's, later names last."""
    main = next((path for place in DIRECTORIES if (path := root / place / "systemd/logind.conf").is_file()), None)
    drop_ins: dict[str, Path] = {}
    for place in reversed(DIRECTORIES):
        drop_ins |= {path.name: path for path in (root / place / "systemd/logind.conf.d").glob("*.conf")}
    settings: dict[str, str] = _built_in(root)
    for path in [*([main] if main else []), *(drop_ins[name] for name in sorted(drop_ins))]:
        parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
        try:
            parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, configparser.Error):
            continue
        if parser.has_section("Login"):
            settings |= {key: value or "" for key, value in parser["Login"].items()}
    return settings


def _built_in(root: Path) -> dict[str, str]:
    """What this systemd was built with: the file that it is installed with names it in a comment."""
    for place in reversed(DIRECTORIES):
        try:
            text = (root / place / "systemd/logind.conf").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if found := re.search(r"^#KillUserProcesses=(\w+)", text, re.MULTILINE):
            return {"killuserprocesses": found[1]}
    return {}


def _control_group(root: Path) -> str:
    """The path of this process in systemd's hierarchy; "" where there is none."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ""
    paths = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    return paths.get("name=systemd") or paths.get("", "")
