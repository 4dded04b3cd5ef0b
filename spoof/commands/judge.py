"""`cqtnet spoof detect`, `evaluate` and `calibrate`: what uses a trained detector."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click import IntRange, option

from cqtnet.commands import DEVICE, JSON, PATH, command
from spoof.commands import PART, data_options, opened

if TYPE_CHECKING:
    from spoof.prepare import PartOrAll

EXIT_CODES = {"human": 0, "synthetic": 1, "insufficient": 3}


@command(
    "cqtnet spoof detect questioned.m4a",
    "cqtnet spoof detect calls/ --json > calls.jsonl",
    "cqtnet spoof detect questioned.m4a --model runs/s4 --picture questioned.png",
    before="""\b
Exit codes: 0 human, 1 synthetic, 2 error, 3 insufficient evidence. Of several files: 2 if one
could not be read, else 1 if one is synthetic, else 3 if one is insufficient.

""",
)
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE…")
@option("--model", default="light", show_default=True, help="Shipped weights, a run, or a file.")
@option("--hop", "hop_s", type=float, help="Seconds between windows.  [default: half a window; "
        "beyond 90 s a whole one]")  # fmt: skip
@DEVICE
@option("--picture", type=PATH, help="Draw the score over time, .png; of one file.")
@option("--force", is_flag=True, help="Replace the picture if it exists.")
@JSON(help="Print a line of JSON for every file.")
def detect(
    files: tuple[Path, ...], model: str, hop_s: float | None, device: str, picture: Path | None,
    force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Judge whether the voice in each FILE, or in the files of folders, is synthetic.

    The verdict comes with a likelihood ratio: how many times more probable the score is if the
    voice was made or changed by a machine than if it is a recording of a human being. Less than
    1 s of sound, and ratios nearer to 1 than 10, are insufficient evidence.
    """
    from cqtnet.audio import find_audio
    from cqtnet.errors import InputError
    from cqtnet.files import refuse_overwrite, written_whole
    from cqtnet.progress import progress_bar
    from spoof.detect import Detector, as_lines, check_hop

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
    with progress_bar("detecting", len(listed), quiet=len(listed) == 1) as bar:
        for path in listed:
            bar.advance(doing=path.name)
            try:
                result = detector.detect(path, hop_s=hop_s)
            except (InputError, OSError) as error:
                if isinstance(error, OSError):
                    error = InputError(f"{path} cannot be read: {error}")
                if len(listed) == 1:
                    raise error
                click.echo(f"cqtnet: {error}", err=True)
                codes.add(2)
                continue
            codes.add(EXIT_CODES[result.verdict])
            click.echo(json.dumps(result.to_dict()) if as_json else "\n".join(as_lines(result)))
            if picture is not None:
                from spoof.plots import timeline

                with written_whole(picture) as temporary:
                    timeline(result, detector.calibration).savefig(temporary)
    sys.exit(next(code for code in (2, 1, 3, 0) if code in codes))


@command("cqtnet spoof evaluate runs/s4 --data LA --out reports/s4")
@click.argument("weights", metavar="RUN_OR_WEIGHTS")
@data_options
@option("--out", type=PATH, help="Folder for the report; none: figures on stdout only.")
@option("--force", is_flag=True, help="Replace a report that is there.")
@PART
@option("--shortcuts", type=IntRange(0), default=200, show_default=True,
        help="Recordings of each class that the shortcut test changes; 0: none.")  # fmt: skip
@option("--resamples", type=IntRange(0), default=1000, show_default=True)
@JSON(help="Print the content of report.json.")
def evaluate(weights: str, out: Path | None, force: bool, as_json: bool, **options: Any) -> None:
    """Measure a detector: the folder of a run, a .safetensors file, or shipped weights by name.

    Accuracy, precision, recall and F1 of either class, EER with its interval, ROC, DET and AUC, of
    recordings and of segments, by system and by collection; and the shortcut test: how many human
    recordings turn "synthetic" when they are re-encoded, low-passed or resampled. --part auto is
    the test part of the data it was trained on; of other data the part they mark so, or all.
    """
    from cqtnet.errors import InputError
    from spoof.checkpoint import load_trained
    from spoof.evaluate import evaluate as measure
    from spoof.report import page, write_report

    if out is not None and (out / "report.json").exists() and not force:
        raise InputError(f"{out} holds a report already; use --force to replace it")
    trained = load_trained(weights)
    cache = trained.path.parent / "cache"
    with opened(options, cache=cache if cache.is_dir() else None) as (utterances, preparer, _):
        evaluation = measure(trained, utterances, preparer, **options)
    if out is not None:
        click.echo(f"report: {write_report(out, evaluation)}", err=True)
    if as_json:
        click.echo(json.dumps(evaluation.to_dict(), indent=1))
    else:
        click.echo(page(evaluation, pictures=[]), nl=False)


@command(
    "cqtnet spoof calibrate runs/s4 --data held-out/",
    "cqtnet spoof calibrate runs/light --data voices.tsv --folds 5 --force",
)
@click.argument("weights", metavar="RUN_OR_WEIGHTS")
@data_options
@PART
@option("--folds", type=IntRange(2), help="Train so many more networks, each without a part of "
        "the groups, and calibrate by all.")  # fmt: skip
@option("--sources", default="", help="A description of the recordings.")
@option("--force", is_flag=True, help="Replace the calibration that is there.")
@JSON(help="Print the calibration as JSON.")
def calibrate(
    weights: str, part: "PartOrAll", folds: int | None, sources: str, force: bool, as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Learn the likelihood ratios that `cqtnet spoof detect` states, and save them by the weights.

    Give recordings that the detector was not trained on and will not be judged by. --part auto is
    the validation part of the data it was trained on, and all of other data. With --folds, --data
    is the data set it was trained on: every recording outside the test part is then scored by a
    network of the same recipe that was trained without its group.
    """
    from cqtnet.errors import InputError
    from cqtnet.files import refuse_overwrite
    from spoof.calibrate import calibrate as learn
    from spoof.calibrate import cross_calibrate
    from spoof.checkpoint import calibration_path, load_trained

    if folds and part != "auto":
        raise InputError(f"--folds uses all parts except the test part; leave out --part {part}")
    trained = load_trained(weights)
    refuse_overwrite(calibration_path(trained.path), force=force)
    options["sources"] = sources
    with opened(options) as (utterances, preparer, show):
        if folds:
            calibration = cross_calibrate(
                trained, utterances, preparer, count=folds, **options,
                report=lambda fold, step: show(step, f"fold {fold + 1} of {folds}"),
            )  # fmt: skip
        else:
            calibration = learn(trained, utterances, preparer, part=part, **options)
    path = calibration.save(trained.path)
    if as_json:
        click.echo(json.dumps(calibration.to_dict(), indent=1))
        return
    known = calibration.data
    click.echo(
        f"{known['synthetic']:,} synthetic and {known['human']:,} human recordings, "
        f"{known['groups']} groups, EER {100 * known['eer']:.1f} % → {path}\n"
        f"on groups not learned from: Cllr {known['cllr']:.3f}, minCllr {known['min_cllr']:.3f}; "
        f"ln LR from {calibration.least:.1f} to {calibration.most:.1f}"
    )
