"""The user's configuration: what is right in the file counts, and what is wrong is told with its line."""

from pathlib import Path

import pytest

from core.config import CONFIG_VARIABLE, Config, Console, config_path, read_config, set_theme
from core.profile.errors import ProfileError


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv(CONFIG_VARIABLE, str(path))
    return path


def test_without_a_file_all_settings_are_the_usual_ones(config: Path) -> None:
    assert read_config().config == Config()
    assert read_config().path == config
    assert not read_config().problems


def test_it_lies_in_the_users_folder_for_configurations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_path() == tmp_path / "arena-tui" / "config.toml"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config_path() == tmp_path / ".config" / "arena-tui" / "config.toml"


def test_each_problem_has_its_line_and_the_rest_counts(config: Path) -> None:
    config.write_text('[console]\nthem = "light"\nascii = true\ntheme = "pink"\n[notfy]\n[notify]\nbell = 1\n')
    file = read_config()
    told = [str(problem) for problem in file.problems]
    assert [line.partition(":")[0] for line in told] == ["line 2", "line 4", "line 5", "line 7"]
    assert "did you mean theme?" in told[0]
    assert 'must be one of "colour-blind", "dark", "light"' in told[1]
    assert "did you mean notify?" in told[2]
    assert file.config.console.ascii is True
    assert file.config.console.theme == "dark"


@pytest.mark.parametrize(
    ("content", "sign"),
    [
        (b'[console\ntheme = "light"\n', "line 1: not TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"console = 3\n", "must be a table"),
        (b"keys = 3\n", "must be a key"),
        (b"[keys]\nhelp = 3\n", "line 2: keys.help = 3: must be a key"),
    ],
)
def test_a_broken_file_is_a_problem_and_the_usual_settings(config: Path, content: bytes, sign: str) -> None:
    config.write_bytes(content)
    assert read_config().config == Config()
    assert sign in str(read_config().problems[0])


def test_a_folder_in_its_place_is_a_problem(config: Path) -> None:
    config.mkdir()
    assert "cannot be read" in str(read_config().problems[0])


def test_keys_may_be_written_in_a_line_or_in_tables(config: Path) -> None:
    config.write_text('[keys]\nhelp = "f12"\nmonitor.stop = "S"\n[keys.home]\nrun = "r,space"\n')
    file = read_config()
    assert file.config.keys == {"help": "f12", "monitor.stop": "S", "home.run": "r,space"}
    assert file.lines["home.run"] == 5


def test_a_theme_is_written_and_every_other_byte_stays(config: Path) -> None:
    before = '# mine\r\n[console] # looks\r\nascii = true\r\ntheme = "dark" # by night\r\n\r\n[keys]\r\nhelp = "f12"'
    config.write_bytes(before.encode())
    set_theme(config, "light")
    assert config.read_bytes() == before.replace('"dark"', '"light"').encode()
    assert read_config().config.console.theme == "light"


def test_a_theme_is_written_where_there_is_no_file_yet_and_through_a_link(config: Path, tmp_path: Path) -> None:
    set_theme(tmp_path / "new" / "config.toml", "light")
    config.symlink_to(tmp_path / "new" / "config.toml")
    assert read_config().config.console.theme == "light"
    set_theme(config, "colour-blind")
    assert config.is_symlink()
    assert read_config().config == Config(console=Console(theme="colour-blind"))


@pytest.mark.parametrize("content", [b"[console\n", b"\xff\xfe", b"console = 3\n"])
def test_a_file_in_which_no_theme_can_be_set_stays_as_it_is_and_is_named(config: Path, content: bytes) -> None:
    config.write_bytes(content)
    with pytest.raises(ProfileError, match=str(config)):
        set_theme(config, "light")
    assert config.read_bytes() == content
