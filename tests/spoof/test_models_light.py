"""Our own network."""

import torch

from spoof.models import Light
from spoof.recipes import find

N = 7


def trained_for(seen: torch.Tensor) -> Light:
    """A network that has seen some statistics."""
    torch.manual_seed(0)
    net = Light(N)
    for _ in range(400):
        net(seen)
    return net.eval()


def test_it_has_the_parameters_of_its_layers() -> None:
    count = sum(parameter.numel() for parameter in find("light").build().parameters())
    assert count == 1871 * 96 + 96 + 2 * 96 + 96 * 48 + 48 + 48 + 1


def test_units_and_offsets_of_the_statistics_make_no_difference() -> None:
    seen = torch.randn(256, N)
    other = 100 + 1000 * seen
    assert torch.allclose(trained_for(seen)(seen), trained_for(other)(other), atol=0.02)


def test_one_strange_statistic_goes_no_further_than_four_deviations() -> None:
    seen = torch.randn(256, N)
    net = trained_for(seen)
    far, further = torch.zeros(1, N), torch.zeros(1, N)
    far[0, 3], further[0, 3] = 10, 10_000
    assert torch.equal(net(far), net(further))
    assert not torch.equal(net(far), net(torch.zeros(1, N)))


def test_training_sees_noise_and_judging_does_not() -> None:
    seen = torch.randn(64, N)
    net = trained_for(seen)
    assert torch.equal(net(seen), net(seen))
    net.train()
    assert not torch.equal(net(seen), net(seen))
