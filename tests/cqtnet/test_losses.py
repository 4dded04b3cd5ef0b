import math

import pytest
import torch

from cqtnet.losses import ClassHead, nt_xent


def test_nt_xent_of_orthogonal_pairs_is_what_the_formula_says() -> None:
    """Each view has its twin at cosine 1 and 2B - 2 alternatives at cosine 0."""
    views = torch.eye(4, 8)
    expected = -math.log(math.exp(1 / 0.5) / (math.exp(1 / 0.5) + 6))
    assert nt_xent(views, views, temperature=0.5).item() == pytest.approx(expected, rel=1e-5)


def test_nt_xent_does_not_depend_on_the_length_of_vectors() -> None:
    first, second = torch.rand(5, 8), torch.rand(5, 8)
    scaled = nt_xent(3 * first, 0.1 * second, temperature=0.1)
    torch.testing.assert_close(scaled, nt_xent(first, second, temperature=0.1))


def test_swapped_twins_cost_more() -> None:
    views = torch.eye(4, 8)
    right = nt_xent(views, views, temperature=0.1)
    assert nt_xent(views, views.roll(1, 0), temperature=0.1) > right + 5


@pytest.mark.parametrize("group", ["recordings", "collections"])
def test_views_of_the_same_group_are_no_alternatives(group: str) -> None:
    """Items 0 and 1 are alike; as one group, that costs nothing any more."""
    views = torch.eye(4, 8)
    views[1] = views[0]
    groups = torch.tensor([7, 7, 8, 9])
    apart = nt_xent(views, views, temperature=0.1)
    together = nt_xent(views, views, temperature=0.1, **{group: groups})
    assert apart > 0.3
    assert together < 0.01


def test_a_batch_of_one_group_costs_nothing_and_is_finite() -> None:
    views = torch.rand(3, 8)
    groups = torch.zeros(3, dtype=torch.long)
    assert nt_xent(views, views, temperature=0.1, recordings=groups).item() == 0


def test_the_papers_head_is_linear() -> None:
    head = ClassHead(6, 3)
    embeddings = torch.rand(2, 6)
    expected = embeddings @ head.fc1.weight.T + head.fc1.bias
    torch.testing.assert_close(head(embeddings, torch.tensor([0, 1])), expected)


def test_the_margin_is_taken_off_the_right_class_only() -> None:
    head = ClassHead(6, 3, scale=30.0, margin=0.2)
    plain = ClassHead(6, 3, scale=30.0)
    plain.load_state_dict(head.state_dict())
    embeddings, labels = torch.rand(2, 6), torch.tensor([2, 0])
    difference = plain(embeddings, labels) - head(embeddings, labels)
    expected = torch.tensor([[0.0, 0, 6], [6, 0, 0]])
    torch.testing.assert_close(difference, expected, rtol=0, atol=1e-4)
    assert plain(embeddings, labels).abs().max() <= 30.0001
