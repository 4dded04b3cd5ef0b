"""`cqtnet spoof detect`: whether voices are synthetic."""

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spoof.commands.train import PARTS, PATH, data_options, reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cqtnet.errors import InputError
    from spoof.calibration import Calibration
    from spoof.detect import Detection, Detector
    from spoof.recipes.recipe import Recipe


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
    from spoof.detect import Detector, check_hop, tell

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
    from cqtnet.errors import InputError
    from cqtnet.progress import progress_bar

    with progress_bar("detecting", len(listed)) as bar:
        for path in listed:
            found: Detection | InputError
            try:
                found = detector.detect(path, hop_s=hop_s)
            except InputError as error:
                found = error
            except OSError as error:
                found = InputError(f"{path} cannot be read: {error}")
            if len(listed) > 1:
                bar.advance(doing=path.name)
            yield found


def _draw(found: "Detection", detector: "Detector", picture: Path) -> None:
    from cqtnet.files import written_whole
    from spoof.report import timeline

    with written_whole(picture) as temporary:
        timeline(found, detector.calibration).savefig(temporary)


# `cqtnet spoof evaluate`: what a trained detector is worth.


@click.command(
    epilog="""\b
Example:
  cqtnet spoof evaluate runs/s4 --data LA --out reports/s4
"""
)
@click.argument("weights", metavar="RUN_OR_WEIGHTS")
@data_options
@click.option("--out", type=PATH, help="Folder for the report; none: figures on stdout alone.")
@click.option("--force", is_flag=True, help="Replace a report that is there.")
@click.option("--part", type=click.Choice(PARTS), default="auto", show_default=True)
@click.option(
    "--shortcuts",
    type=click.IntRange(0),
    default=200,
    show_default=True,
    help="Recordings of each class that the shortcut test changes; 0: none.",
)
@click.option("--resamples", type=click.IntRange(0), default=1000, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print what report.json holds.")
def evaluate(
    weights: str,
    data: Path,
    layout: str | None,
    cache: Path | None,
    workers: int | None,
    device: str,
    out: Path | None,
    force: bool,
    part: str,
    shortcuts: int,
    resamples: int,
    as_json: bool,
) -> None:
    """Measure a detector: the folder of a run, a .safetensors file, or shipped weights by name.

    Accuracy, precision, recall and F1 of either class, EER with its interval, ROC, DET and AUC, of
    recordings and of segments, by system and by collection; and the shortcut test: how many human
    recordings turn "synthetic" when they are re-encoded, narrowed or resampled. --part auto is
    the test part of the data it was trained on; of other data what they mark as such, or all.
    """
    from cqtnet.errors import InputError
    from spoof.checkpoint import load_trained
    from spoof.commands.train import showing
    from spoof.evaluate import evaluate as measure
    from spoof.parts import known_part
    from spoof.report import page, write_report

    if out is not None and (out / "report.json").exists() and not force:
        raise InputError(f"{out} holds a report already; use --force to replace it")
    trained = load_trained(weights)
    if cache is None and (trained.path.parent / "cache").is_dir():
        cache = trained.path.parent / "cache"
    with (
        showing() as shown,
        reading(data, layout, cache=cache, workers=workers, told=shown.prepared) as (
            utterances,
            preparer,
        ),
    ):
        found = measure(
            trained,
            utterances,
            preparer,
            part=known_part(part),
            device=device,
            shortcuts=shortcuts,
            resamples=resamples,
        )
    if out is not None:
        click.echo(f"report: {write_report(out, found)}", err=True)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1))
    else:
        click.echo(page(found, pictures=[]), nl=False)


# `cqtnet spoof calibrate`: likelihood ratios for a detector, from recordings held out.


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
    from spoof.calibration import beside, cross_calibrate
    from spoof.calibration import calibrate as learn
    from spoof.checkpoint import load_trained
    from spoof.commands.train import showing
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


# `cqtnet spoof compare-recipes`: all recipes on the same data, in one table.


@click.command(
    epilog="""\b
Example:
  cqtnet spoof compare-recipes --data voices.tsv --out comparison
  cqtnet spoof compare-recipes --data LA --recipes s4-cnn,s2-lstm --minutes 30 --out comparison
"""
)
@data_options
@click.option("--out", required=True, type=PATH, help="Folder for runs, reports and the table.")
@click.option("--recipes", "names", help="Names with commas between; all of them if not given.")
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="Runs of each.")
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    default=math.inf,
    help="Of training, for each recipe and seed; the best until then counts.",
)
@click.option("--epochs", type=click.IntRange(1), help="Instead of the recipes' own.")
@click.option("--leaky", is_flag=True, help="Also split by segment, as the sources did.")
@click.option("--shortcuts", type=click.IntRange(0), default=200, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print what comparison.json holds.")
def compare_recipes(
    data: Path,
    layout: str | None,
    cache: Path | None,
    workers: int | None,
    device: str,
    out: Path,
    names: str | None,
    seeds: int,
    minutes: float,
    epochs: int | None,
    leaky: bool,
    shortcuts: int,
    as_json: bool,
) -> None:
    """Train and evaluate recipes on the same data and print one table.

    Recordings and speakers are on one side of the split; with --leaky also by segment, to show
    what that makes of the figures. What is finished is kept: the same call goes on where it was
    interrupted. A recipe that fails is told; then the exit code is 1.
    """
    from spoof.commands.train import showing
    from spoof.compare import REMARK, CompareConfig, table
    from spoof.compare import compare_recipes as compare

    chosen = _chosen(names)
    with (
        showing() as shown,
        reading(
            data, layout, cache=cache or out / "cache", workers=workers, told=shown.prepared
        ) as (utterances, preparer),
    ):
        config = CompareConfig(
            out,
            preparer,
            seeds=seeds,
            split_bys=("group", "segment") if leaky else ("group",),
            limit_s=60 * minutes,
            epochs=epochs,
            shortcuts=shortcuts,
            device=device,
        )
        entries = compare(
            utterances, chosen, config, told=lambda name, step: shown.learned(step, name)
        )
    if as_json:
        click.echo(json.dumps([entry.to_dict() for entry in entries], indent=1))
    else:
        click.echo(f"{table(entries)}\n\n{REMARK}")
    failed = [entry for entry in entries if entry.error]
    for entry in failed:
        click.echo(f"cqtnet: {entry.recipe.name}: {entry.error}", err=True)
    if failed:
        sys.exit(1)


def _chosen(names: str | None) -> "list[Recipe]":
    """The recipes of these names, each once."""
    from spoof.recipes import RECIPES, find

    if names is None:
        return list(RECIPES.values())
    return [find(name) for name in dict.fromkeys(map(str.strip, names.split(",")))]
