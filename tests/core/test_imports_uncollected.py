"""The garbage collector rests while the heavy libraries are imported, and only then."""

import gc

import pytest

from core.imports import uncollected


def test_the_collector_rests_within_and_works_again_whatever_is_raised() -> None:
    before = gc.get_freeze_count()
    try:
        with pytest.raises(ImportError), uncollected():
            assert not gc.isenabled()
            raise ImportError
        assert gc.isenabled()
        assert gc.get_freeze_count() > before, "what was imported is not looked through later either"
    finally:
        gc.unfreeze()
