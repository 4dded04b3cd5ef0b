from pathlib import Path

import pytest
import soundfile
from click.testing import CliRunner

from cqtnet.cli import cqtnet


def test_the_demo_tells_the_pieces_apart_and_leaves_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    result = CliRunner().invoke(cqtnet, ["demo", str(folder)])
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.output.splitlines() if " s" in line and ".flac" in line]
    cosines = {row[0]: float(row[1]) for row in rows if row[0] in ("original.flac", "another.flac")}
    assert cosines["original.flac"] > cosines["another.flac"] + 0.2
    fragment_s = soundfile.info(folder / "fragment.flac").duration
    assert fragment_s == pytest.approx(20 / 1.1, abs=0.01)
    assert (folder / "similarity.png").stat().st_size > 10_000
