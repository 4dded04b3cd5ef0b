"""A folder of short pieces of our own, as small a training set as there can be."""

import pytest
import soundfile

from cqtnet.music import make_music


@pytest.fixture(scope="session")
def pieces(tmp_path_factory):
    """A manifest of eight pieces of 5 s in four collections, one of them and a half held out."""
    folder = tmp_path_factory.mktemp("pieces")
    rows = ["path,id,split,collection"]
    for seed in range(8):
        soundfile.write(folder / f"{seed}.wav", make_music(seed, duration_s=5.0), 22050)
        split = "valid" if seed >= 5 else "train"
        rows.append(f"{seed}.wav,piece-{seed},{split},c{seed // 2}")
    (folder / "list.csv").write_text("\n".join(rows) + "\n")
    return folder / "list.csv"
