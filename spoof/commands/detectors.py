"""The commands of `cqtnet spoof`: what uses a trained detector, and how detectors come to be."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click import IntRange, option

from cqtnet import commands as common
from spoof.commands import PART, data_options, opened

if TYPE_CHECKING:
    from spoof.prepare import PartOrAll
import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from click import Choice, FloatRange

if TYPE_CHECKING:
    from spoof.data import Utterance
    from spoof.prepare import Preparer, SplitBy
    from spoof.recipes import Recipe

SHORTCUTS = option("--shortcuts", type=IntRange(0), default=200, show_default=True,
                   help="Recordings of each class in the shortcut test; 0: none.")  # fmt: skip
EXIT_CODES = {"no trace": 0, "synthetic": 1, "insufficient": 3}


@common.command(
    "cqtnet spoof detect questioned.m4a",
    "cqtnet spoof detect calls/ --json > calls.jsonl",
    "cqtnet spoof detect questioned.m4a --model runs/s4 --picture questioned.png",
    before="""\b
Exit codes: 0 no trace found, 1 synthetic, 2 error, 3 insufficient evidence. Of several files: 2 if
one could not be read, else 1 if one is synthetic, else 3 if one is insufficient.

""",
    needs={"--force": "--picture"},
)
@click.argument("files", nargs=-1, required=True, type=common.PATH, metavar="FILE…")
@option("--model", default="fine", show_default=True, help="Shipped weights, a run, or a file.")
@option("--hop", "hop_s", type=float, help="Seconds between windows.  [default: half a window; "
        "beyond 90 s a whole one]")  # fmt: skip
@common.DEVICE
@option("--picture", type=common.PATH, help="Draw the score over time, .png; of one file.")
@common.FORCE
@common.JSON(help="Print a line of JSON for every file.")
@common.progress_options
def detect(
    files: tuple[Path, ...], model: str, hop_s: float | None, device: str, picture: Path | None,
    force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Judge whether the voice in each FILE, or in the files of folders, is synthetic.

    SYNTHETIC comes with a likelihood ratio of at least 10: how many times more probable the score
    is if the voice was made or changed by a machine than if it is a recording of a human being. NO
    TRACE FOUND, a ratio below 1, says what the detector finds of such voices; it is no evidence of
    a human. Less than 1 s of sound, or a ratio from 1 to 10, is insufficient evidence.
    """
    from cqtnet.audio import find_audio
    from cqtnet.errors import InputError
    from cqtnet.files import written_whole
    from cqtnet.progress import progress_bar
    from spoof.detect import Detector, as_lines, check_hop

    check_hop(hop_s)
    listed = list(find_audio(files))
    common.check_files(
        listed, files, picture, "a picture is of one file, not of {}; give one", force=force
    )
    if picture is not None and picture.suffix.lower() != ".png":
        raise InputError(f"{picture} does not end in .png; name it so")
    detector = Detector.named(model, device=device)
    codes = set()
    with progress_bar("detecting", len(listed)) as bar:
        for path in listed:
            bar.advance(doing=path.name)
            try:
                result = detector.detect(path, hop_s=hop_s)
            except (InputError, OSError) as error:
                if isinstance(error, OSError):
                    error = InputError(f"{path} cannot be read: {error}")
                if len(listed) == 1:
                    raise error
                common.complain(error)
                codes.add(2)
                continue
            codes.add(EXIT_CODES[result.verdict])
            common.show(result if as_json else "\n".join(as_lines(result)), in_a_line=True)
            if picture is not None:
                from spoof.report import timeline

                with written_whole(picture) as temporary:
                    timeline(result, detector.calibration).savefig(temporary)
                click.echo(f"picture: {picture}", err=True)
    sys.exit(next(code for code in (2, 1, 3, 0) if code in codes))


@common.command(
    "cqtnet spoof evaluate runs/s4 --data LA --out reports/s4", needs={"--force": "--out"}
)
@click.argument("weights", metavar="RUN_OR_WEIGHTS")
@data_options
@common.OUT(help="Folder for the report; without it, the figures are printed only.")
@common.FORCE
@PART
@SHORTCUTS
@common.RESAMPLES
@common.JSON(help="Print the content of report.json.")
def evaluate(weights: str, out: Path | None, force: bool, as_json: bool, **options: Any) -> None:
    """Measure a detector: the folder of a run, a .safetensors file, or shipped weights by name.

    Accuracy, precision, recall and F1 of either class, EER with its interval, ROC, DET and AUC, of
    recordings and of segments, by system and by collection; and the shortcut test: how many human
    recordings turn "synthetic" when they are re-encoded, low-passed or resampled. --split auto is
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
    common.show(evaluation if as_json else page(evaluation, pictures=[]).removesuffix("\n"))


@common.command(
    "cqtnet spoof calibrate runs/s4 --data held-out/",
    "cqtnet spoof calibrate runs/fine --data voices.tsv --folds 5 --force",
)
@click.argument("weights", metavar="RUN_OR_WEIGHTS")
@data_options
@PART
@option("--folds", type=IntRange(2), help="Train so many more networks, each without a part of "
        "the groups, and calibrate by all.")  # fmt: skip
@option("--sources", default="", help="What the recordings are, in words.")
@common.FORCE
@common.JSON(help="Print the calibration as JSON.")
def calibrate(
    weights: str, part: "PartOrAll", folds: int | None, sources: str, force: bool, as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Learn the likelihood ratios that `cqtnet spoof detect` states, and save them by the weights.

    Give recordings that the detector was not trained on and will not be judged by. --split auto is
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
        raise InputError(f"--folds uses all parts except the test part; leave out --split {part}")
    trained = load_trained(weights)
    refuse_overwrite(calibration_path(trained.path), force=force)
    options["sources"] = sources
    with opened(options) as (utterances, preparer, on_step):
        if folds:
            calibration = cross_calibrate(
                trained, utterances, preparer, count=folds, **options,
                report=lambda fold, step: on_step(step, f"fold {fold + 1} of {folds}"),
            )  # fmt: skip
        else:
            calibration = learn(trained, utterances, preparer, part=part, **options)
    path = calibration.save(trained.path)
    known = calibration.data
    text = (
        f"{known['synthetic']:,} synthetic and {known['human']:,} human recordings, "
        f"{known['groups']} groups, EER {100 * known['eer']:.1f} % → {path}\n"
        f"on groups not learned from: Cllr {known['cllr']:.3f}, minCllr {known['min_cllr']:.3f}; "
        f"ln LR from {calibration.least:.1f} to {calibration.most:.1f}"
        + "".join(
            f"\nEER, {name}: {100 * eer:.1f} %"
            for name, eer in known["eer_by_weight"].items()
            if eer is not None
        )
    )
    common.show(calibration if as_json else text)


# How detectors come to be.
@common.command("cqtnet spoof recipes", "cqtnet spoof recipes --features --json")
@option("--features", "with_variants", is_flag=True, help="Also those on other features.")
@common.JSON(help="Print everything as JSON.")
def recipes(with_variants: bool, as_json: bool) -> None:
    """List the recipes: input, network, training, and the source's own results.

    The sources' figures are of their own data and splits.
    """
    from spoof.recipes import all_recipes, variants

    listed = [*all_recipes().values(), *(variants().values() if with_variants else ())]
    if as_json:
        common.show({"recipes": [_record(recipe) for recipe in listed]})
        return
    for recipe in listed:
        common.show("\n".join(_lines(recipe)))


def _lines(recipe: "Recipe") -> list[str]:
    training = recipe.training
    ends = f"up to {training.epochs}" if training.patience is not None else f"{training.epochs}"
    length = f"{recipe.segment_s:g} s" if recipe.segment_s else "whole recordings"
    joined = ", each speaker's recordings joined" if recipe.joins else ""
    kept = "last" if training.keep == "last" else f"best by {training.keep}"
    lines = [
        f"{recipe.name}  {recipe.title}",
        f"  input     {length} at {recipe.rate_hz:,} Hz{joined} → "
        f"{' × '.join(map(str, recipe.input_shape))}",
        f"  network   {_parameters(recipe):,} parameters",
        f"  training  {training.optimiser}, rate {training.learning_rate:g}, batch "
        f"{training.batch}, {ends} epochs, keeps the {kept}",
    ]
    lines += [f"  {recipe.source} states {result}" for result in recipe.results]
    return lines + [f"  * {remark}" for remark in recipe.remarks]


def _parameters(recipe: "Recipe") -> int:
    """The number of parameters of the network, counted without allocating them."""
    import torch

    with torch.device("meta"):
        return sum(parameter.numel() for parameter in recipe.build().parameters())


def _record(recipe: "Recipe") -> dict[str, Any]:
    about = {"source": recipe.source, "title": recipe.title, "parameters": _parameters(recipe)}
    results = [vars(result) for result in recipe.results]
    return {**recipe.to_dict(), **about, "results": results, "remarks": list(recipe.remarks)}


@common.command(
    "cqtnet spoof train s4-cnn --data LA --out runs/s4",
    "cqtnet spoof train s2-ann --data AUDIO --split-by segment --set copies=60",
)
@click.argument("recipe")
@data_options
@common.OUT(help="Folder of the run.  [default: runs/RECIPE-SEED]")
@common.SEED
@option("--epochs", type=IntRange(1), help="Instead of the recipe's.")
@option("--set", "assignments", multiple=True, metavar="NAME=VALUE",
        help="Any field of the training: --set copies=60 --set learning_rate=0.0003.")  # fmt: skip
@option("--split-by", type=Choice(["group", "segment"]), default="group", show_default=True,
        help="segment: as the sources did, so that networks remember recordings.")  # fmt: skip
@option(
    "--pretrained", type=common.PATH, help="Weights of ImageNet.  [default: in the usual caches]"
)
@option("--resume", is_flag=True, help="Continue the run in OUT.")
@option("--stop-after", "stop_after_min", type=FloatRange(0), default=math.inf,
        help="Minutes; training stops after an epoch, and --resume continues it.")  # fmt: skip
@common.JSON(help="Print the result as JSON.")
def train(
    recipe: str, out: Path | None, epochs: int | None, assignments: tuple[str, ...],
    pretrained: Path | None, stop_after_min: float, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Train the detector RECIPE, and calibrate it by its validation part.

    Every recording and speaker is on one side of the split; the test part is left for
    `cqtnet spoof evaluate`. OUT gets best.safetensors with its JSON and its calibration, the
    curves, and what --resume needs. `cqtnet spoof recipes` lists the recipes.
    """
    from cqtnet.recipes import changed
    from spoof.recipes import find
    from spoof.train import TrainConfig
    from spoof.train import train as learn

    assignments = assignments if epochs is None else (f"epochs={epochs}", *assignments)
    chosen = find(recipe)
    chosen = replace(chosen, training=changed(chosen.training, assignments))
    folder = out or Path("runs") / f"{chosen.name}-{options['seed']}"
    if pretrained is None and chosen.imagenet:
        pretrained = chosen.pretrained_file()
        start = f"weights of {pretrained}" if pretrained else "random weights: no file was found"
        common.complain(f"{chosen.name} starts from {start}")
    with opened(options, cache=folder / "cache") as (utterances, preparer, on_step):
        config = TrainConfig(
            folder, chosen, preparer, pretrained=pretrained, stop_after_s=60 * stop_after_min,
            **options,
        )  # fmt: skip
        outcome = learn(utterances, config, report=on_step)
        calibrated = _calibrated(outcome.weights, utterances, preparer, options["device"])
    row = outcome.history[outcome.best_epoch - 1]
    if as_json:
        record = {"weights": os.fspath(outcome.weights), "calibrated": calibrated, **vars(outcome)}
        common.show({**record, "elapsed_s": outcome.seconds})
        return
    eer = f"EER {100 * row['valid_eer']:.1f} %, " if "valid_eer" in row else ""
    click.echo(
        f"epoch {outcome.best_epoch} of {len(outcome.history)}, {outcome.seconds:.0f} s; held "
        f"out: {eer}accuracy {100 * row['valid_accuracy']:.1f} % → {outcome.weights}"
    )
    if not outcome.is_finished:
        common.complain("stopped, as the time is up; --resume continues")


def _calibrated(
    weights: Path, utterances: "list[Utterance]", preparer: "Preparer", device: str
) -> bool:
    """Calibrate by the validation part, if it is large enough and was not learned from."""
    from cqtnet.errors import ManifestError
    from spoof.calibrate import calibrate
    from spoof.checkpoint import load_trained

    trained = load_trained(weights)
    if trained.card["split_by"] != "group":
        return False
    given: dict[str, Any] = {"device": device, "sources": "validation part"}
    try:
        calibration = calibrate(trained, utterances, preparer, **given)
    except ManifestError as error:
        common.complain(f"not calibrated: {error}")
        return False
    calibration.save(trained.path)
    return True


@common.command(
    "cqtnet spoof compare-recipes --data voices.tsv --out comparison",
    "cqtnet spoof compare-recipes --data LA --recipes s4-cnn,s2-lstm --minutes 30 --out comparison",
)
@data_options
@common.OUT(required=True, help="Folder for runs, reports and the table.")
@option("--recipes", "names", help="Names separated by commas.  [default: all]")
@option("--seeds", type=IntRange(1), default=1, show_default=True, help="Runs of each.")
@option("--minutes", type=FloatRange(0, min_open=True), default=math.inf,
        help="Of training for each recipe and seed; the best epoch by then is used.")  # fmt: skip
@option("--epochs", type=IntRange(1), help="Instead of the recipes' own.")
@option("--leaky", is_flag=True, help="Also split by segment, as the sources did.")
@SHORTCUTS
@common.JSON(help="Print the content of comparison.json.")
def compare_recipes(
    out: Path, names: str | None, minutes: float, leaky: bool, as_json: bool, **options: Any
) -> None:  # fmt: skip
    """Train and evaluate recipes on the same data and print one table.

    Every recording and speaker is on one side of the split; --leaky also splits by segment, to
    show how that changes the figures. Finished runs are kept: the same call continues an
    interrupted comparison. A recipe that fails is reported; the exit code is then 1.
    """
    from spoof.compare import REMARK, CompareConfig, table
    from spoof.compare import compare_recipes as compare
    from spoof.recipes import all_recipes, find

    chosen = list(all_recipes().values())
    if names is not None:
        chosen = [find(name) for name in dict.fromkeys(map(str.strip, names.split(",")))]
    with opened(options, cache=out / "cache") as (utterances, preparer, on_step):
        split_bys: tuple[SplitBy, ...] = ("group", "segment") if leaky else ("group",)
        config = CompareConfig(
            out, preparer, split_bys=split_bys, limit_s=60 * minutes, **options
        )  # fmt: skip
        entries = compare(utterances, chosen, config, report=lambda name, step: on_step(step, name))
    plain = {"entries": [entry.to_dict() for entry in entries]}
    common.show(plain if as_json else f"{table(entries)}\n\n{REMARK}")
    failed = [entry for entry in entries if entry.error]
    for entry in failed:
        common.complain(f"{entry.recipe.name}: {entry.error}")
    if failed:
        sys.exit(1)
