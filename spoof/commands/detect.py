"""`cqtnet spoof detect`: whether voices are synthetic."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spoof.commands.options import PATH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cqtnet.errors import InputError
    from spoof.detect import Detection, Detector

EXIT_CODES = {"human": 0, "synthetic": 1, "insufficient": 3}


@click.command(
    epilog="""\b
Exit codes: 0 human, 1 synthetic, 2 error, 3 insufficient evidence. Of several files: 2 if one
could not be read, else 1 if one is synthetic, else 3 if one is insufficient.

\b
Example:
  cqtnet spoof detect questioned.m4a
  cqtnet spoof detect calls/ --json > calls.jsonl
  cqtnet spoof detect questioned.m4a --model runs/s4 --picture questioned.png
"""
)
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE…")
@click.option("--model", default="light", show_default=True, help="Shipped, a run, or a file.")
@click.option(
    "--hop",
    "hop_s",
    type=float,
    help="Seconds between windows.  [default: half of one; beyond 90 s a whole one]",
)
@click.option("--device", default="auto", help="auto, cpu, cuda or cuda:1.", show_default=True)
@click.option("--picture", type=PATH, help="Draw the score over time, .png; of one file.")
@click.option("--force", is_flag=True, help="Replace the picture if it exists.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for every file.")
def detect(
    files: tuple[Path, ...],
    model: str,
    hop_s: float | None,
    device: str,
    picture: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Say whether the voice in each FILE, or in the files of folders, is synthetic.

    The verdict comes with a likelihood ratio: how many times more probable the score is if the
    voice was made or changed by a machine than if it is a recording of a human being. Less than
    1 s of sound, and ratios nearer to 1 than 10, are insufficient evidence.
    """
    from cqtnet.audio import find_audio
    from cqtnet.errors import InputError
    from cqtnet.files import refuse_overwrite
    from spoof.detect import Detector, check_hop
    from spoof.telling import tell

    check_hop(hop_s)
    listed = list(find_audio(files))
    if not listed:
        raise InputError(f"no audio in {', '.join(map(str, files))}; give files or folders")
    if picture is not None:
        if len(listed) != 1:
            raise InputError(f"a picture is of one file, not of {len(listed)}; give one")
        if picture.suffix.lower() != ".png":
            raise InputError(f"{picture} does not end in .png; name it so")
        refuse_overwrite(picture, force=force)
    detector = Detector.named(model, device=device)
    codes = set()
    for found in _each(detector, listed, hop_s):
        if isinstance(found, InputError):
            if len(listed) == 1:
                raise found
            click.echo(f"cqtnet: {found}", err=True)
            codes.add(2)
            continue
        codes.add(EXIT_CODES[found.verdict])
        click.echo(json.dumps(found.to_dict()) if as_json else "\n".join(tell(found)))
        if picture is not None:
            _draw(found, detector, picture)
    sys.exit(next(code for code in (2, 1, 3, 0) if code in codes))


def _each(
    detector: "Detector", listed: list[Path], hop_s: float | None
) -> "Iterator[Detection | InputError]":
    """What is said of each file, or why nothing is; with a bar where they are several."""
    from cqtnet.commands.progress import progress_bar
    from cqtnet.errors import InputError

    with progress_bar("detecting", len(listed)) as advance:
        for path in listed:
            found: Detection | InputError
            try:
                found = detector.detect(path, hop_s=hop_s)
            except InputError as error:
                found = error
            except OSError as error:
                found = InputError(f"{path} cannot be read: {error}")
            if len(listed) > 1:
                advance(path.name)
            yield found


def _draw(found: "Detection", detector: "Detector", picture: Path) -> None:
    from cqtnet.files import written_whole
    from spoof.plots.timeline import timeline

    with written_whole(picture) as temporary:
        timeline(found, detector.calibration).savefig(temporary)
