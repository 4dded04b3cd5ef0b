"""`python -m eval.bench`: the same as `cqtnet eval bench`."""

from eval.commands.measure import bench

bench(prog_name="python -m eval.bench")
