"""`cqtnet spoof calibrate`: likelihood ratios for a detector, from recordings held out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spoof.commands.options import PARTS, data_options, reading

if TYPE_CHECKING:
    from spoof.calibration import Calibration


@click.command(
    epilog="""\b
Example:
  cqtnet spoof calibrate runs/s4 --data held-out/
  cqtnet spoof calibrate runs/light --data voices.tsv --folds 5 --force
"""
)
@click.argument("weights", metavar="RUN_OR_WEIGHTS")
@data_options
@click.option("--part", type=click.Choice(PARTS), default="auto", show_default=True)
@click.option(
    "--folds",
    type=click.IntRange(2),
    help="Train so many more networks, each without a part of the groups, and calibrate by all.",
)
@click.option("--sources", default="", help="In words, what the recordings are.")
@click.option("--force", is_flag=True, help="Replace the calibration that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the calibration as JSON.")
def calibrate(
    weights: str,
    data: Path,
    layout: str | None,
    cache: Path | None,
    workers: int | None,
    device: str,
    part: str,
    folds: int | None,
    sources: str,
    force: bool,
    as_json: bool,
) -> None:
    """Learn the likelihood ratios that `cqtnet spoof detect` states, and keep them by the weights.

    The recordings must be none that the detector was trained on, and none that it is to be judged
    by. --part auto is the validation part of the data it was trained on, and all of other data.
    With --folds, --data are those it was trained on: every recording outside the test part is
    then scored by a network like it that did not know its group.
    """
    from cqtnet.errors import InputError
    from cqtnet.files import refuse_overwrite
    from spoof.calibrate import calibrate as learn
    from spoof.calibrate import cross_calibrate
    from spoof.calibration import beside
    from spoof.checkpoint import load_trained
    from spoof.commands.progress import showing
    from spoof.parts import known_part

    if folds and part != "auto":
        raise InputError(f"--folds uses all parts but that for testing; leave out --part {part}")
    trained = load_trained(weights)
    refuse_overwrite(beside(trained.path), force=force)
    with (
        showing() as shown,
        reading(data, layout, cache=cache, workers=workers, told=shown.prepared) as (
            utterances,
            preparer,
        ),
    ):
        if folds:
            found = cross_calibrate(
                trained, utterances, preparer, count=folds, device=device, sources=sources,
                told=lambda fold, step: shown.learned(step, f"fold {fold + 1} of {folds}"),
            )  # fmt: skip
        else:
            found = learn(
                trained, utterances, preparer, part=known_part(part), device=device, sources=sources
            )
    path = found.save(trained.path)
    click.echo(json.dumps(found.to_dict(), indent=1) if as_json else _told(found, path))


def _told(found: "Calibration", path: Path) -> str:
    known = found.data
    return (
        f"{known['synthetic']:,} synthetic and {known['human']:,} human recordings, "
        f"{known['groups']} groups, EER {100 * known['eer']:.1f} % → {path}\n"
        f"on groups not learned from: Cllr {known['cllr']:.3f}, minCllr {known['min_cllr']:.3f}; "
        f"ln LR from {found.least:.1f} to {found.most:.1f}"
    )
