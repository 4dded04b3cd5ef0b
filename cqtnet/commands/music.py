"""`cqtnet music`: write composed pieces and the list of them."""

from pathlib import Path

import click
from click import FloatRange, IntRange, option

from cqtnet.commands import FOLDER, FORCE, JSON, command, progress_options, show

MANIFEST = "manifest.tsv"


@command("cqtnet music pieces --count 3 --duration 20", context_settings={"show_default": True})
@click.argument("out_dir", type=FOLDER)
@option("--count", type=IntRange(1), default=10, help="Number of pieces.")
@option("--seed", type=IntRange(0), default=0, help="Seed of the first piece.")
@option("--duration", type=FloatRange(1, 1800), default=60.0, help="Seconds of each piece.")
@option("--sample-rate", type=IntRange(8000, 96000), default=22050, help="Samples per second.")
@option("--validation", type=FloatRange(0, 1, max_open=True), default=0.2,
        help="Share of the pieces, the last ones, that the list marks as split valid.")  # fmt: skip
@FORCE
@JSON(help="Print the result as JSON.")
@progress_options
def music(
    out_dir: Path, count: int, seed: int, duration: float, sample_rate: int, validation: float,
    force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write COUNT composed pieces of music to OUT_DIR, with a list of them.

    The pieces are made by rule and by seed, so nobody owns them: music for demonstrations,
    tests and archives of any size. The same seed, duration and rate give the same samples.
    OUT_DIR/manifest.tsv lists path, id, split, repository, key, tempo and duration.
    """
    import soundfile

    from cqtnet.composing import compose
    from cqtnet.files import written_whole
    from cqtnet.music import render
    from cqtnet.progress import progress_bar
    from cqtnet.tables import write_table

    paths = [out_dir / f"music-{number:05d}.flac" for number in range(seed, seed + count)]
    prepare_folder(out_dir, paths, force=force)
    n_valid = min(count - 1, max(int(validation > 0), int(count * validation + 0.5)))
    columns = ("path", "id", "split", "repository", "key", "tempo_bpm", "duration_s")
    rows: list[tuple[str, ...]] = [columns]
    with progress_bar("composing", count) as bar:
        for number, path in enumerate(paths):
            piece = compose(seed + number, duration_s=duration)
            samples = render(piece, sample_rate=sample_rate)
            with written_whole(path) as temporary:
                soundfile.write(temporary, samples, sample_rate)
            split = "valid" if number >= count - n_valid else "train"
            about = (piece.plan.key, f"{piece.plan.tempo_bpm:.2f}", f"{duration:.3f}")
            rows.append((path.name, path.stem, split, path.stem, *about))
            bar.advance(doing=path.name)
    write_table(out_dir / MANIFEST, rows)
    result = {"manifest": out_dir / MANIFEST, "written": count, "train": count - n_valid}
    result |= {"valid": n_valid, "duration_s": duration, "sample_rate": sample_rate}
    sentence = f"{count} piece{'s' * (count > 1)} of {duration:g} s written: {out_dir / MANIFEST}"
    show(result if as_json else sentence)


def prepare_folder(folder: Path, paths: list[Path], *, force: bool) -> None:
    """Make the folder; an InputError where one of the files in it would be overwritten."""
    from cqtnet.errors import InputError
    from cqtnet.files import make_folder

    present = [path for path in (*paths, folder / MANIFEST) if path.exists()]
    if present and not force:
        raise InputError(
            f"{len(present)} of the files exist, {present[0]} the first; "
            "give --force to overwrite them, or another folder"
        )
    make_folder(folder)
