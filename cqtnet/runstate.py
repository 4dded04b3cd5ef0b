"""The state of a training run on disk: everything a resumed run needs, without a pickle.

One safetensors file holds the tensors of model, head and optimiser, and in its header, as JSON,
the step, the schedule and the bookkeeping. One file, written whole: a run that is killed at any
moment finds its old state or its new one.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from cqtnet.checkpoint import load_tensors
from cqtnet.errors import WeightsError
from cqtnet.files import written_whole

SCALARS = "scalars"


@dataclass
class Progress:
    """Where a run stands, besides its tensors."""

    step: int = 0
    best: tuple[float, float] | None = None  # mean validation EER, minus separation
    history: list[dict[str, float]] = field(default_factory=list)
    schedule: dict[str, Any] = field(default_factory=dict)


def save_state(path: Path, learner: nn.Module, optimiser: Optimizer, progress: Progress) -> None:
    """Write the state of a run."""
    tensors = {f"model.{name}": t for name, t in learner.state_dict().items()}
    state = optimiser.state_dict()
    scalars: dict[str, dict[str, Any]] = {}
    for index, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{index}.{name}"] = value
            else:
                scalars.setdefault(str(index), {})[name] = value
    header = {
        "progress": json.dumps(asdict(progress)),
        "groups": json.dumps(state["param_groups"]),
        SCALARS: json.dumps(scalars),
    }
    with written_whole(path) as temporary:
        kept = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
        save_file(kept, temporary, metadata=header)


def load_state(path: Path, learner: nn.Module, optimiser: Optimizer) -> Progress:
    """Put a run's state into learner and optimiser, and return where it stood."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        progress = Progress(**json.loads(header["progress"]))
        groups, scalars = json.loads(header["groups"]), json.loads(header[SCALARS])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} holds no state of a run to resume: {error}") from error
    own = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
    load_tensors(learner, own, source=path)
    state: dict[int, dict[str, Any]] = {int(index): dict(v) for index, v in scalars.items()}
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    if progress.best is not None:
        progress.best = (progress.best[0], progress.best[1])
    return progress
