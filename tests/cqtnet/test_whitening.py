import numpy as np
import torch
from torch import Tensor

from cqtnet.losses import FLOOR, WITHIN, whiten
from cqtnet.model import CqtNet, find_preset
from cqtnet.views import Batch, embed_batch


def batches(rng: np.random.Generator) -> list[Batch]:
    """Pairs of views of one moment each: random frames, and the same with something added."""
    made = []
    for n_frames in (100, 200, 300):
        moments = torch.from_numpy(rng.random((40, 84, n_frames), np.float32))
        added = torch.from_numpy(rng.random((40, 84, n_frames), np.float32))
        numbers = torch.arange(40)
        made.append(Batch(moments, moments + added / 2, numbers, numbers))
    return made


def spread_of(net: CqtNet, views: list[Batch]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, covariance within the pairs, and covariance of all embeddings."""
    pairs = [embed_batch(net, batch).double().chunk(2) for batch in views]
    first, second = (torch.cat(side) for side in zip(*pairs, strict=True))
    both = torch.cat([first, second])
    return both.mean(dim=0), torch.cov((first - second).T) / 2, torch.cov(both.T)


@torch.inference_mode()
def test_directions_vary_alike_afterwards() -> None:
    torch.manual_seed(0)
    net = CqtNet(find_preset("tiny", head="max+means", standardised=True)).eval()
    views = batches(np.random.default_rng(0))
    _, within, total = spread_of(net, views)
    scale = [64 * WITHIN / within.trace(), 64 * (1 - WITHIN) / total.trace()]
    before = torch.linalg.eigvalsh(scale[0] * within + scale[1] * total)
    whiten(net, views)
    mean, within, total = spread_of(net, views)
    after = torch.linalg.eigvalsh(scale[0] * within + scale[1] * total)
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-4)
    torch.testing.assert_close(after, before / (before + FLOOR), rtol=1e-3, atol=1e-3)
    assert before[-1] > 5 and after[-1] < 1.001, "no direction outweighs the others"


@torch.inference_mode()
def test_a_direction_that_only_alterations_move_no_longer_decides() -> None:
    """Alterations push one feature far; of the others they move little."""
    torch.manual_seed(0)
    net = CqtNet(find_preset("tiny", embedding_size=32)).eval()
    views = batches(np.random.default_rng(1))

    def right() -> float:
        first, second = embed_batch(net, views[0]).chunk(2)
        cosines = torch.nn.functional.normalize(first) @ torch.nn.functional.normalize(second).T
        return float((cosines.argmax(dim=1) == torch.arange(40)).float().mean())

    before = right()
    whiten(net, views)
    assert right() > before + 0.2


def test_training_goes_on_as_it_was() -> None:
    net = CqtNet(find_preset("tiny")).train()
    whiten(net, batches(np.random.default_rng(2)))
    assert net.training and net.fc0.weight.requires_grad
    net(torch.rand(2, 84, 200)).sum().backward()
