"""How far the loading of a base is, is told in place of bars."""

import logging

from core.model.loading import MIB, telling

Told = list[tuple[str, int, int, str]]


def test_downloads_are_told_in_mebibytes_and_what_is_no_amount_is_not() -> None:
    told: Told = []
    with telling(lambda *much: told.append(much)) as bar:
        files = bar(total=4, desc="Fetching 4 files", unit="it")
        files.update(1)
        files.refresh()
        with bar(total=300 * MIB, desc="Downloading bytes", unit="B", unit_scale=True) as download:
            download.update(120 * MIB)
            download.refresh()
    assert told[0] == ("downloading the base model", 0, 300, "MiB")
    assert ("downloading the base model", 120, 300, "MiB") in told
    assert {unit for *_, unit in told} == {"MiB"}


def test_the_report_of_missing_weights_is_left_out_and_other_warnings_are_not() -> None:
    heard: list[str] = []
    log, handler = logging.getLogger("transformers.modeling_utils"), logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    try:
        with telling(lambda *_: None):
            log.warning("Gemma2ForSequenceClassification LOAD REPORT from: x\nscore.weight | MISSING |")
            log.warning("something else")
        log.warning("Gemma2ForSequenceClassification LOAD REPORT")
    finally:
        log.removeHandler(handler)
    assert heard == ["something else", "Gemma2ForSequenceClassification LOAD REPORT"]
