"""`cqtnet eval calibrate`: likelihood ratios for the comparison, from scored trials."""

import json
from pathlib import Path

import click

PATH = click.Path(path_type=Path)


@click.command(
    epilog="""\b
Example:
  cqtnet eval score sets/all.csv held-out.csv --system alignment
  cqtnet eval calibrate held-out.csv --audio music.tsv --out mine.calibration.json
"""
)
@click.argument("scores", type=PATH, metavar="SCORES.csv")
@click.option("--audio", type=PATH, required=True, help="The list that the trials were made from.")
@click.option(
    "--out", type=PATH, required=True, help="NAME.calibration.json beside NAME's weights."
)
@click.option("--sources", default="", help="In words, what the recordings are.")
@click.option("--json", "as_json", is_flag=True, help="Print the calibration as JSON.")
@click.option("--force", is_flag=True, help="Replace the calibration if it exists.")
def calibrate(
    scores: Path, audio: Path, out: Path, sources: str, as_json: bool, force: bool
) -> None:
    """Learn likelihood ratios for `cqtnet compare` from SCORES.csv of the system `alignment`.

    The recordings must be none that the network was trained on, and none that the result is to
    be judged by. What is stated of a collection, to say how good the ratios are, is learned
    from the others.
    """
    from cqtnet.errors import InputError
    from cqtnet.files import refuse_overwrite
    from eval.calibrate import calibrate as learn

    if not out.name.endswith(".calibration.json"):
        raise InputError(f"{out} does not end in .calibration.json; name it after the weights")
    refuse_overwrite(out, force=force)
    found = learn(scores, audio, sources=sources)
    found.save(out)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1))
    else:
        data = found.data
        click.echo(
            f"{data['trials_same']:,} + {data['trials_different']:,} trials of "
            f"{data['recordings']} recordings, {data['collections']} collections → {out}\n"
            f"on collections not learned from: EER {data['eer']:.2%}, Cllr {data['cllr']:.4f}, "
            f"minCllr {data['min_cllr']:.4f}; ln LR from {found.least:.1f} to {found.most:.1f}"
        )
