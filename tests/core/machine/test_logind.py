"""Whether a logout would end a run, on made-up systems: configuration, control groups and lingering in a folder."""

from pathlib import Path

import pytest

from core.machine.system import kills_user_processes, logout_warning

SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"
V1_SESSION = "4:memory:/user.slice\n1:name=systemd:/user.slice/user-1000.slice/session-c2.scope\n0::/\n"
MANAGER = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r5.scope\n"
SERVICE = "0::/system.slice/ssh.service\n"
CONTAINER = "0::/\n"


def machine(root: Path, group: str, files: dict[str, str] | None = None, linger: str | None = None) -> Path:
    """A root folder with this process in `group`."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(group)
    for name, text in (files or {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    if linger:
        (root / "var/lib/systemd/linger").mkdir(parents=True)
        (root / "var/lib/systemd/linger" / linger).touch()
    return root


MAIN = "etc/systemd/logind.conf"
KILL = "[Login]\nKillUserProcesses=yes\n"


@pytest.mark.parametrize(
    ("files", "user", "kills"),
    [
        ({}, "ann", False),
        ({MAIN: KILL}, "ann", True),
        ({MAIN: KILL}, "root", False),
        ({MAIN: KILL + "KillExcludeUsers=\n"}, "root", True),
        ({MAIN: KILL + "KillExcludeUsers=bob ann\n"}, "ann", False),
        ({MAIN: "[Login]\nKillOnlyUsers=ann\n"}, "ann", True),
        ({MAIN: KILL + "KillOnlyUsers=bob\n"}, "ann", False),
        ({MAIN: "[Login]\n#KillUserProcesses=no\n"}, "ann", False),
        ({"usr/lib/systemd/logind.conf": "[Login]\n#KillUserProcesses=yes\n"}, "ann", True),
        ({MAIN: KILL, "etc/systemd/logind.conf.d/50-keep.conf": "[Login]\nKillUserProcesses=no\n"}, "ann", False),
        ({MAIN: KILL, "usr/lib/systemd/logind.conf.d/50-keep.conf": "[Login]\nKillUserProcesses=no\n"}, "ann", False),
        (
            {
                "usr/lib/systemd/logind.conf.d/50-kill.conf": KILL,
                "etc/systemd/logind.conf.d/50-kill.conf": "[Login]\nKillUserProcesses=off\n",
            },
            "ann",
            False,
        ),
        ({"etc/systemd/logind.conf.d/a.conf": KILL, "run/systemd/logind.conf.d/b.conf": "nonsense ["}, "ann", True),
        ({MAIN: "KillUserProcesses=yes\n"}, "ann", False),
    ],
)
def test_logind_is_read_as_it_reads_itself(files: dict[str, str], user: str, kills: bool, tmp_path: Path) -> None:
    assert kills_user_processes(user, machine(tmp_path, SESSION, files)) is kills


@pytest.mark.parametrize("group", [SESSION, V1_SESSION])
def test_in_a_session_that_is_ended_with_all_in_it_the_way_out_is_told(group: str, tmp_path: Path) -> None:
    warning = logout_warning("ann", machine(tmp_path, group, {MAIN: KILL}, linger="ann"))
    assert warning is not None, "lingering alone saves nothing that runs in a session's scope"
    assert "loginctl enable-linger" in warning
    assert "systemd-run --user --scope" in warning


def test_under_the_users_manager_lingering_is_what_counts(tmp_path: Path) -> None:
    warning = logout_warning("ann", machine(tmp_path / "without", MANAGER))
    assert warning is not None
    assert warning.endswith("To keep it running: `loginctl enable-linger`.")
    assert logout_warning("ann", machine(tmp_path / "with", MANAGER, {MAIN: KILL}, linger="ann")) is None


@pytest.mark.parametrize("group", [SERVICE, CONTAINER, ""])
def test_elsewhere_a_logout_ends_nothing(group: str, tmp_path: Path) -> None:
    assert logout_warning("ann", machine(tmp_path, group, {MAIN: KILL})) is None


def test_a_session_that_is_left_alone_is_not_warned_of(tmp_path: Path) -> None:
    assert logout_warning("ann", machine(tmp_path, SESSION, {MAIN: "[Login]\n#KillUserProcesses=no\n"})) is None
    assert logout_warning("ann", tmp_path / "no system at all") is None
