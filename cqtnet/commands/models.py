"""`cqtnet models`: the weights that come with the package."""

import json

import click


@click.command(
    epilog="""\b
Example:
  cqtnet models
"""
)
@click.option("--json", "as_json", is_flag=True, help="Print the full card of each as JSON.")
def models(as_json: bool) -> None:
    """List the shipped weights: name, size of the network, SHA-256."""
    from cqtnet.checkpoint import load_weights, shipped_names

    weights = {name: load_weights(name) for name in shipped_names()}
    if as_json:
        click.echo(json.dumps({name: w.card for name, w in weights.items()}, indent=1))
        return
    for name, w in weights.items():
        millions = sum(p.numel() for p in w.model.parameters()) / 1e6
        preset = w.model.preset
        click.echo(
            f"{name:10} {millions:5.2f} M parameters, embedding of {preset.embedding_size}, "
            f"hears {preset.receptive_s:.1f} s at once, SHA-256 {w.sha256[:16]}…"
        )
