"""`cqtnet embed`: embeddings of files, as .npz. `cqtnet models`: the shipped weights."""

import sys
from pathlib import Path
from typing import Any

import click
from click import option

from cqtnet import commands as common
from cqtnet.files import refuse_overwrite


@common.command("cqtnet embed talk.mp3 recordings/ --out embeddings.npz --window 20 --hop 5")
@click.argument("paths", nargs=-1, required=True, type=common.PATH)
@common.OUT(required=True, help="The .npz to write.")
@common.MODEL
@option("--window", "window_s", default=20.0, help="Seconds of a window.", show_default=True)
@option("--hop", "hop_s", default=5.0, help="Seconds between windows.", show_default=True)
@common.DEVICE
@common.PRECISION
@option("--deterministic", is_flag=True, help="The same bits every time, in float32.")
@common.JSON(help="Print what was done as JSON.")
@common.FORCE
@common.progress_options
def embed(
    paths: tuple[Path, ...], out: Path, model: str, as_json: bool, force: bool, **how: Any
) -> None:
    """Embed files and folders of audio: one vector of length 1 for every window.

    The .npz holds `vectors` (n, 2048), `start_s` and `end_s` (n,), `level` (n,) as the mean root
    of the CQT's magnitudes (below 0.006 a window is silence, and resembles any other silence),
    `file_index` (n,) into `files`, and `model`, the SHA-256 of the weights. A file that fails is
    reported and left out; then the exit code is 1.
    """
    from cqtnet.embed import Embedder, embed_files

    refuse_overwrite(out, force=force)
    windows = {key: how.pop(key) for key in ("window_s", "hop_s")}
    summary = embed_files(paths, out, Embedder.named(model, **how), **windows)
    text = (
        f"{len(summary.files)} files, {summary.duration_s / 60:.1f} min, "
        f"{summary.windows} windows of {windows['window_s']:g} s → {out}  "
        f"({summary.duration_s / summary.elapsed_s:.0f}× real time)"
    )
    for reason in summary.failed.values():
        common.complain(reason)
    common.show(summary if as_json else text)
    if summary.failed:
        sys.exit(1)


@common.command("cqtnet models")
@common.JSON(help="Print the full card of each as JSON.")
def models(as_json: bool) -> None:
    """List the shipped weights: name, size of the network, SHA-256."""
    from cqtnet.checkpoint import load_weights, shipped_names
    from cqtnet.cqt import FRAMES_PER_SECOND

    weights = {name: load_weights(name) for name in shipped_names()}
    if as_json:
        common.show({"models": {name: w.card for name, w in weights.items()}})
        return
    for name, w in weights.items():
        learned = [t.size for name, t in w.tensors.items() if ".running_" not in name]
        millions, preset = sum(learned) / 1e6, w.preset
        receptive_s = preset.receptive_frames / FRAMES_PER_SECOND
        click.echo(
            f"{name:10} {millions:5.2f} M parameters, embedding of {preset.embedding_size}, "
            f"a step depends on {receptive_s:.1f} s, SHA-256 {w.sha256[:16]}…"
        )
