"""Where several machines meet: a host and a port, as torchrun takes them."""

import pytest

from core.runs.launch_script import meeting_at


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("node-1.site_a", "node-1.site_a:29400"),
        ("10.0.0.1:1", "10.0.0.1:1"),
        ("host:65535", "host:65535"),
        ("[fe80::1]", "[fe80::1]:29400"),
        ("[::ffff:10.0.0.1]:29500", "[::ffff:10.0.0.1]:29500"),
    ],
)
def test_a_host_gets_the_port_that_it_has_not(asked: str, found: str) -> None:
    assert meeting_at(asked) == found


@pytest.mark.parametrize(
    "asked", ["", ":29400", "host:", "fe80::1", "::1:29400", "[::1", "[::1]x", "a b", "a:1:2", "a\n"]
)
def test_anything_else_is_refused_with_the_form_that_is_expected(asked: str) -> None:
    with pytest.raises(ValueError, match=r"expected HOST or HOST:PORT, an IPv6 address as \[::1\]:29400"):
        meeting_at(asked)


@pytest.mark.parametrize("port", [0, 65_536, 10**30])
def test_a_port_is_one_that_there_is(port: int) -> None:
    with pytest.raises(ValueError, match=f"a port is 1 to 65535, not {port}"):
        meeting_at(f"host:{port}")
