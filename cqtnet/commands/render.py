"""`cqtnet render`: MIDI files as recordings to learn from, and the list of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cqtnet.music.renderings import Renderings, Settings


@click.command(
    epilog="""\b
Example:
  cqtnet render midi.zip rendered --count 1000 --jobs 4
"""
)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option("--count", type=click.IntRange(min=1), help="MIDI files to render; all if not given.")
@click.option("--duration", default=40.0, show_default=True, help="Longest rendering in s.")
@click.option("--seed", default=0, show_default=True, help="Seed of the variations.")
@click.option("--jobs", default=1, show_default=True, help="Files that are rendered at once.")
@click.option(
    "--sound-font",
    type=click.Path(path_type=Path),
    help="General MIDI sound font (.sf2); without it, the one in /usr/share/sounds/sf2.",
)
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.option("--resume", is_flag=True, help="Keep files that exist, write only the others.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def render(
    source: Path,
    out_dir: Path,
    count: int | None,
    duration: float,
    seed: int,
    jobs: int,
    sound_font: Path | None,
    force: bool,
    resume: bool,
    as_json: bool,
) -> None:
    """Render the MIDI files of SOURCE, a folder or a zip, to OUT_DIR with FluidSynth.

    Each file gives a FLAC of an excerpt in another key and tempo, with other instruments and
    another room, drawn by the seed and the file's content; OUT_DIR/manifest.tsv lists path, id,
    split, collection and source for `cqtnet train`. With --count, the files are taken in the
    order of their content's hash: as good as by lot, and the same each time. Files that are
    damaged, have no notes, or give less than 15 s of sound are skipped and counted.
    """
    from cqtnet.music.fluidsynth import find_synthesizer
    from cqtnet.music.midi import require_mido
    from cqtnet.music.midifiles import open_midi
    from cqtnet.music.renderings import Settings, in_words, write_renderings
    from cqtnet.progress import progress_bar

    require_mido()
    settings = Settings(find_synthesizer(sound_font), duration, seed)
    with open_midi(source) as found:
        files = found.files[:count]
        with progress_bar("rendering", len(files)) as bar:
            done = write_renderings(
                files,
                out_dir,
                settings,
                jobs=jobs,
                force=force,
                resume=resume,
                on_file=lambda name: bar.advance(doing=name),
            )
    skipped = {**found.left_out, **done.skipped}
    if skipped:
        click.echo(f"cqtnet: skipped {len(skipped)} MIDI files: {in_words(skipped)}", err=True)
    if as_json:
        click.echo(_as_json(done, settings, skipped))
        return
    kept = f", {done.kept} kept" if done.kept else ""
    click.echo(f"{done.written} renderings of up to {duration:g} s written{kept}: {done.manifest}")


def _as_json(done: Renderings, settings: Settings, skipped: dict[str, str]) -> str:
    """The result as one JSON object."""
    return json.dumps(
        {
            "manifest": str(done.manifest),
            "count": len(done.rows),
            "written": done.written,
            "kept": done.kept,
            "skipped": skipped,
            "duration_s": settings.duration_s,
            "seed": settings.seed,
            "fluidsynth": settings.synthesizer.version,
            "sound_font": str(settings.synthesizer.sound_font),
            "sound_font_sha256": settings.synthesizer.sound_font_sha256,
        }
    )
