"""A report as the screen and the page hold it: its figures, and the rows it lists. No widget."""

from pathlib import Path

import msgspec
from msgspec import Struct

from arena_tui.rows.text import ShownRow
from arena_tui.rows.view import Inspected, load
from core.inspect.lookup import StoredRow, read_row
from core.inspect.protocol import Progress as Inspection
from core.profile.settings import Profile
from core.report.protocol import Progress
from core.report.report import ListedRow, Report
from core.runs.folder import RunFolder


class SeenReport(Struct, frozen=True):
    report: Report
    rows: Inspected | None
    """The listed rows in full; None where they are not known."""
    profile: Profile
    """The run's."""

    def row(self, number: int) -> tuple[StoredRow, ShownRow]:
        """A listed row with what is kept of it, by its number. Raises OSError where the file of rows has gone."""
        seen = self.rows
        assert seen is not None
        assert seen.source is not None
        stored = read_row(seen.source, number)
        return stored, ShownRow.of(stored, seen.rows, number, self.profile.tokens, seen.frame, seen.pieces)


def load_report(progress: Progress, folder: RunFolder) -> SeenReport:
    """The complete report that `progress` names. Raises OSError where it has gone, ProfileError for the run's."""
    assert progress.report is not None
    report = msgspec.json.decode(Path(progress.report).read_bytes(), type=Report)
    profile = folder.read_profile()
    listed = Inspection(whole=progress.rows, pieces=progress.pieces, frame=progress.frame)
    return SeenReport(report, load(listed, profile), profile)


def can_be_shown(rows: list[ListedRow]) -> list[ListedRow]:
    """Those whose text is known."""
    return [row for row in rows if row.number is not None]
