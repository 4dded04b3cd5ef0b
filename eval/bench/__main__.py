"""`python -m eval.bench`: the same as `cqtnet eval bench`."""

from eval.commands.bench import bench

bench(prog_name="python -m eval.bench")
