import pytest
import soundfile
from click.testing import CliRunner

from cqtnet.cli import cqtnet


def test_the_demo_tells_the_pieces_apart_and_leaves_its_files(tmp_path):
    folder = tmp_path / "demo"
    result = CliRunner().invoke(cqtnet, ["demo", str(folder)])
    assert result.exit_code == 0, result.output
    _, same, rendition, other = result.output.split("\n\n")
    assert same.startswith("SAME RECORDING  LR ")
    assert "of A is 0:21.0" in same and "tempo × 1.100" in same and "2.00 semitones lower" in same
    assert not rendition.startswith("SAME") and other.startswith("DIFFERENT RECORDINGS")
    assert "where" not in rendition + other
    fragment_s = soundfile.info(folder / "fragment.flac").duration
    assert fragment_s == pytest.approx(20 / 1.1, abs=0.01)
    for name in ("original", "rendition", "another"):
        assert (folder / f"{name}.html").stat().st_size > 100_000
