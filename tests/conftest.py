"""Fixtures that every test may use."""

import numpy as np
import pytest
import torch


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260101)


@pytest.fixture(autouse=True, scope="session")
def two_threads() -> None:
    """Timing and rounding as on the smallest machine that we promise anything for."""
    torch.set_num_threads(2)
