"""`cqtnet demo`: a first look on audio that it makes itself."""

from pathlib import Path

import click

from cqtnet.commands import FORCE, MODEL, PATH, command, progress_options
from cqtnet.errors import InputError
from cqtnet.files import make_folder, written_whole

SEEDS = {"original": (6, 6), "rendition": (6, 8), "another": (7, 7)}
"""Which composition each recording is of, and by which sounds it is played."""
DURATION_S = 60.0
FRAGMENT = (21.0, 41.0)  # seconds of the original


@command("cqtnet demo demo")
@click.argument("folder", type=PATH)
@MODEL
@FORCE
@progress_options
def demo(folder: Path, model: str, force: bool) -> None:
    """Make recordings in FOLDER and compare an altered fragment of one with each.

    They are the original, the same piece played by other sounds, and another piece.
    """
    from cqtnet.progress import working
    from verify.commands.compare import tell
    from verify.comparison import Comparer
    from verify.report.page import write_report

    if folder.exists() and not force:
        raise InputError(f"{folder} exists already; use --force to write into it")
    make_folder(folder)
    with working("making music"):
        alterations = make_recordings(folder)
    click.echo(f"fragment.flac is {FRAGMENT[0]:g} to {FRAGMENT[1]:g} s of original.flac, altered:")
    for effect in alterations:
        click.echo(f"  {effect}")
    comparer = Comparer.named(model)
    with working("reading"):
        recordings = {name: comparer.read(folder / f"{name}.flac") for name in ("fragment", *SEEDS)}
    a = recordings["fragment"]
    for name in SEEDS:
        b, page = recordings[name], folder / f"{name}.html"
        comparison = comparer.compare(a, b)
        again = f"cqtnet compare {a.path} {b.path} --report {page}"
        write_report(page, comparison, a, b, comparer.calibration, command=again)
        click.echo("\n" + "\n".join(tell(comparison)))
        click.echo(f"  report   {page}")
    click.echo(
        f"\nTo look and listen: cqtnet serve --open, then drop recordings of {folder} on the page"
    )


def make_recordings(folder: Path) -> list[str]:
    """Write the recordings and the fragment; what was done to the fragment comes back."""
    import numpy as np
    import soundfile

    from augment.effect import Chain
    from augment.noise import ColouredNoise
    from augment.tempo import Pitch, Tempo
    from cqtnet import SAMPLE_RATE
    from cqtnet.music import make_music

    sounds = {
        name: make_music(piece, duration_s=DURATION_S, sounds=players)
        for name, (piece, players) in SEEDS.items()
    }
    start, end = (round(second * SAMPLE_RATE) for second in FRAGMENT)
    alteration = Chain((Tempo(1.1), Pitch(-2.0), ColouredNoise(snr_db=10.0, seed=1)))
    sounds["fragment"] = alteration.apply(sounds["original"][start:end], SAMPLE_RATE).samples
    for name, samples in sounds.items():
        with written_whole(folder / f"{name}.flac") as temporary:
            soundfile.write(temporary, np.clip(samples, -1, 1), SAMPLE_RATE)
    return [str(effect) for effect in alteration.effects]
