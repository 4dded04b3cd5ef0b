from unittest.mock import Mock

import pytest
import soundfile
from click.testing import CliRunner

from cqtnet.cli import cqtnet


def test_the_demo_tells_the_pieces_apart_and_leaves_its_files(tmp_path, monkeypatch):
    pages = Mock()  # how a page is written, tests/verify/report shows
    monkeypatch.setattr("verify.report.page.write_report", pages)
    folder = tmp_path / "demo"
    result = CliRunner().invoke(cqtnet, ["demo", str(folder)])
    assert result.exit_code == 0, result.output
    _, same, rendition, other, then = result.output.split("\n\n")
    assert "cqtnet serve --open" in then
    assert same.startswith("SAME RECORDING  LR ")
    assert "of A is 0:21.0" in same and "tempo × 1.100" in same and "2.00 semitones lower" in same
    assert not rendition.startswith("SAME") and other.startswith("DIFFERENT RECORDINGS")
    assert "where" not in rendition + other
    fragment_s = soundfile.info(folder / "fragment.flac").duration
    assert fragment_s == pytest.approx(20 / 1.1, abs=0.01)
    written = [call.args[0].name for call in pages.call_args_list]
    assert written == ["original.html", "rendition.html", "another.html"]
