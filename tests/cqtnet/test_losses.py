import math

import numpy as np
import pytest
import torch

from cqtnet.model import CqtNet
from cqtnet.preset import find_preset
from cqtnet.train import FLOOR, WITHIN, ClassHead, nt_xent, whiten
from cqtnet.views import Batch, embed_batch


def test_nt_xent_is_what_the_formula_says_whatever_the_length_of_vectors():
    # Each view has its twin at cosine 1 and 2B - 2 alternatives at cosine 0.
    views = torch.eye(4, 8)
    expected = -math.log(math.exp(1 / 0.5) / (math.exp(1 / 0.5) + 6))
    assert nt_xent(views, views, temperature=0.5).item() == pytest.approx(expected, rel=1e-5)
    first, second = torch.rand(5, 8), torch.rand(5, 8)
    scaled = nt_xent(3 * first, 0.1 * second, temperature=0.1)
    torch.testing.assert_close(scaled, nt_xent(first, second, temperature=0.1))
    views = torch.eye(4, 8)
    right = nt_xent(views, views, temperature=0.1)
    assert nt_xent(views, views.roll(1, 0), temperature=0.1) > right + 5


def test_views_of_the_same_group_are_no_alternatives():
    """Items 0 and 1 are alike; as one group, that costs nothing any more."""
    views = torch.eye(4, 8)
    views[1] = views[0]
    groups = torch.tensor([7, 7, 8, 9])
    apart = nt_xent(views, views, temperature=0.1)
    together = nt_xent(views, views, groups, temperature=0.1)
    assert apart > 0.3 and together < 0.01
    of_one = torch.zeros(4, dtype=torch.long)
    assert nt_xent(views, views, of_one, temperature=0.1).item() == 0


def test_the_papers_head_is_linear_and_a_margin_is_taken_off_the_right_class_only():
    embeddings, labels = torch.rand(2, 6), torch.tensor([2, 0])
    paper = ClassHead(6, 3)
    expected = embeddings @ paper.fc1.weight.T + paper.fc1.bias
    torch.testing.assert_close(paper(embeddings, labels), expected)
    head, plain = ClassHead(6, 3, scale=30.0, margin=0.2), ClassHead(6, 3, scale=30.0)
    plain.load_state_dict(head.state_dict())
    difference = plain(embeddings, labels) - head(embeddings, labels)
    expected = torch.tensor([[0.0, 0, 6], [6, 0, 0]])
    torch.testing.assert_close(difference, expected, rtol=0, atol=1e-4)
    assert plain(embeddings, labels).abs().max() <= 30.0001


def batches(rng):
    """Pairs of views of one moment each: random frames, and the same with something added."""
    made = []
    for n_frames in (100, 200, 300):
        moments = torch.from_numpy(rng.random((40, 84, n_frames), np.float32))
        added = torch.from_numpy(rng.random((40, 84, n_frames), np.float32))
        numbers = torch.arange(40)
        made.append(Batch(moments, moments + added / 2, numbers, numbers))
    return made


def spread_of(net, views):
    """Mean, covariance within the pairs, and covariance of all embeddings."""
    pairs = [embed_batch(net, batch).double().chunk(2) for batch in views]
    first, second = (torch.cat(side) for side in zip(*pairs, strict=True))
    both = torch.cat([first, second])
    return both.mean(dim=0), torch.cov((first - second).T) / 2, torch.cov(both.T)


@torch.inference_mode()
def test_directions_vary_alike_afterwards():
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
