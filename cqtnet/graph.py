"""The network on the CPU without torch: graphs that torch exported, run by ONNX Runtime.

A graph is a preset's network without its weights, so that it serves every network of that preset;
the weights come from their own file, whose hash names them. `python -m cqtnet.graph` exports the
graphs anew from `cqtnet.model`, the one place where the network is defined, and is needed when
that changes.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from cqtnet.cqt import Cqt, normalise
from cqtnet.device import threads
from cqtnet.errors import WeightsError
from cqtnet.preset import PRESETS, Preset, pad_short

if TYPE_CHECKING:
    from torch import Tensor, nn

Floats = NDArray[np.float32]
Tensors = Mapping[str, NDArray[Any]]

FOLDER = Path(__file__).parent / "weights"
PARTS = {"steps": "frames", "vectors": "steps"}
"""The graphs of a preset, each named by what it returns, and the name of what it is given."""
OPSET = 20


class GraphNetwork:
    """What an `Embedder` computes with on the CPU in float32."""

    device, precision = "cpu", "float32"

    def __init__(self, preset: Preset, tensors: Tensors) -> None:
        self._preset, self._cqt = preset, Cqt()
        self._tensors = {name: np.asarray(t, np.float32) for name, t in tensors.items()}
        self._sessions: dict[tuple[str, int], Any] = {}
        for part in PARTS:
            self._session(part)

    @classmethod
    def of(cls, preset: Preset, tensors: Tensors) -> Self | None:
        """The network of a preset with these weights; None where the preset has no graph."""
        return cls(preset, tensors) if PRESETS.get(preset.name) == preset else None

    def steps(self, samples: Floats) -> tuple[Floats, Floats]:
        """Steps (n, S) of samples, and roots of the CQT's magnitudes (84, frames)."""
        magnitudes = self._cqt(samples[None])
        frames = pad_short(normalise(magnitudes), self._preset)
        return self._run("steps", frames)[0].T, np.sqrt(magnitudes[0])

    def vectors(self, steps: Floats) -> Floats:
        """Unit embeddings (n, embedding_size) of windows of steps (n, S, length)."""
        raw = self._run("vectors", steps)
        unit: Floats = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-12)
        return unit

    def _run(self, part: str, given: Floats) -> Floats:
        result: Floats = self._session(part).run(None, {PARTS[part]: given})[0]
        return result

    def _session(self, part: str) -> Any:
        """The graph, ready to run on as many threads as an operation may take now."""
        key = part, threads()
        if key not in self._sessions:
            own = (n for n in self._tensors if n.startswith("trunk.") == (part == "steps"))
            path = FOLDER / f"{self._preset.name}.{part}.onnx"
            try:
                self._sessions[key] = session(path, {n: self._tensors[n] for n in own})
            except Exception as error:  # onnxruntime has a class for each kind, and no common one
                raise WeightsError(
                    f"the weights are of another architecture than preset {self._preset.name}: "
                    f"{error}"
                ) from error
        return self._sessions[key]


def session(path: Path, tensors: Tensors) -> Any:
    """A graph with its weights, ready to run on as many threads as an operation may take now."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = threads()
    # Threads that wait for work would keep the processor from others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    values = [
        onnxruntime.OrtValue.ortvalue_from_numpy(np.asarray(t, np.float32))
        for t in tensors.values()
    ]
    options.add_external_initializers(list(tensors), values)
    return onnxruntime.InferenceSession(path.read_bytes(), options)


def exported(preset: Preset, part: str) -> bytes:
    """A graph of a preset without weights, as torch exports it; needs the package onnx."""
    import torch  # here and below, for only exporting needs it

    from cqtnet.model import CqtNet

    net = CqtNet(preset).eval()
    given = torch.zeros(1, 84, preset.receptive_frames)
    if part == "vectors":
        given = net.steps(given)
    net.forward = {"steps": net.steps, "vectors": net.embed_steps}[part]  # type: ignore[assignment, method-assign]
    axes = {PARTS[part]: {0: "n", 2: "time"}, part: {0: "n", 2: "time_out"}}
    return graph_of(net, given, axes)


def graph_of(net: "nn.Module", given: "Tensor", axes: dict[str, dict[int, str]]) -> bytes:
    """The graph of any network, without weights; `axes` names its input, output and open axes."""
    import onnx
    import torch

    for tensor in net.state_dict().values():
        torch.rand(tensor.shape, out=tensor) if tensor.is_floating_point() else None  # none alike
    name, output = axes
    file: Any = io.BytesIO()
    torch.onnx.export(
        net, (given,), file, input_names=[name], output_names=[output], opset_version=OPSET,
        dynamic_axes=axes,
        training=torch.onnx.TrainingMode.PRESERVE,  # BatchNorm stays, and so do its weights' names
        do_constant_folding=False, dynamo=False,
    )  # fmt: skip
    graph = onnx.load_from_string(file.getvalue())
    for tensor in graph.graph.initializer:
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="weights")
    content: bytes = graph.SerializeToString()
    return content


if __name__ == "__main__":
    for preset in PRESETS.values():
        for part in PARTS:
            (FOLDER / f"{preset.name}.{part}.onnx").write_bytes(exported(preset, part))
