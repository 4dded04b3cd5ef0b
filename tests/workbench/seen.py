"""Screenshots of all pages, for people to look at: python -m tests.workbench.seen FOLDER.

The recordings are music of our own. `edited` is `original` with a cut, an insertion and a moved
part, a tone lower; the picture of it is docs/images/workbench.png.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from augment.tempo import Pitch
from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music
from tests.workbench.browser import Page, browsing
from tests.workbench.serving import ROOT, TOKEN, Serving

SIZES = {"1280": (1280, 900), "390": (390, 844)}


def make_recordings(folder):
    """The original, an edited copy, another piece, and a programme that holds both."""
    original, other = (make_music(seed, duration_s=60.0) for seed in (6, 7))

    def part(samples, start_s, end_s):
        return samples[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]

    edited = [part(original, 4, 20), part(other, 10, 15), part(original, 29, 52)]
    edited = Pitch(-1.0).apply(np.concatenate(edited), SAMPLE_RATE).samples
    programme = [part(other, 5, 35), np.zeros(4 * SAMPLE_RATE), part(original, 10, 50)]
    for name, samples in {
        "original": original,
        "edited": edited,
        "another": other,
        "programme": np.concatenate(programme),
        "foreign": make_music(9, duration_s=40.0),
        "fragment": part(edited, 25, 33),
    }.items():
        soundfile.write(folder / f"{name}.flac", np.clip(samples, -1, 1), SAMPLE_RATE)


def look(page, folder, name):
    """One picture of the page at each size, light and dark."""
    for size, (width, height) in SIZES.items():
        for scheme in ("light", "dark"):
            page.tab.emulate_media(color_scheme=scheme)
            page.tab.set_viewport_size({"width": width, "height": height})
            page.tab.wait_for_timeout(700)
            page.tab.screenshot(path=folder / f"{name}-{size}-{scheme}.png", full_page=True)
    page.tab.emulate_media(color_scheme="light")
    page.tab.set_viewport_size({"width": 1280, "height": 900})


def main(folder):
    """Make the recordings, an archive, and all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    make_recordings(folder)
    archive = folder / "archive"
    words = ["index", "add", archive, folder / "original.flac", folder / "another.flac"]
    command = [sys.executable, "-m", "cqtnet", *words, "--tag", "1998"]
    subprocess.run(list(map(str, command)), check=True, cwd=ROOT)
    with Serving(archive) as serving, browsing() as browser:
        page = Page(browser.new_context(device_scale_factor=1), serving)
        page.open("/")
        look(page, folder, "login")
        page.log_in(TOKEN)
        look(page, folder, "start")
        for name, b in {"compare": "original", "nothing": "foreign"}.items():
            page.open("/").send(a=folder / "edited.flac", b=folder / f"{b}.flac")
            page.wait(".player-box")
            page.until(lambda: page.player("tiles.size") > 1)
            look(page, folder, name)
            if name == "compare":
                page.player("seek(34, 'a')")
                page.player("hear('b')")
                page.tab.wait_for_timeout(700)
                page.tab.locator(".result").screenshot(path=folder / "workbench.png")
                few = Image.open(folder / "workbench.png").convert("RGB")
                few = few.quantize(128, method=Image.Quantize.FASTOCTREE, kmeans=2)
                few.save(folder / "workbench.png", optimize=True)
        for name, query in {
            "search": "programme",
            "found": "fragment",
            "voice": "original",
        }.items():
            path = "/voice" if name == "voice" else "/search"
            page.open(path).send(file=folder / f"{query}.flac")
            page.wait(".result .verdict")
            if name == "found":
                page.tab.click(".matches button")
                page.wait(".player-box")
            look(page, folder, name)
        page.open("/archive")
        page.tab.click("text=Look for them")
        page.wait(".result h2")
        look(page, folder, "archive")
        page.open("/docs")
        look(page, folder, "docs")
        page.open("/").send(
            a=folder / "edited.flac", b=[folder / f"{b}.flac" for b in ("original", "another")]
        )
        page.wait(".job progress")
        page.tab.screenshot(path=folder / "progress.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
