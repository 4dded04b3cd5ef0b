from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from cqtnet import audio, views
from cqtnet.cache import MARGIN_BINS, Places, load_frames
from cqtnet.cqt import Cqt, normalise
from cqtnet.data import read_items
from cqtnet.model import CqtNet
from cqtnet.preset import find_preset
from cqtnet.recipes import find_recipe
from cqtnet.views import Batch, Views, Waveforms, noise_frames, plan_step
from tests.augment.signals import CALM

SHORT = find_recipe("default", fragment_s=(2.0, 4.0), batch=4, jitter_s=0.0, context_share=0.0)


@pytest.fixture(scope="module")
def items(pieces):
    return read_items(pieces)


@pytest.fixture(scope="module")
def cache(pieces):
    return pieces.parent / "cache"


@pytest.fixture(scope="module")
def store(items, cache):
    return load_frames(items, cache)


def test_cached_frames_are_those_of_the_file(items, store, cache):
    samples = audio.load(items[2].path)
    fresh = Cqt()(torch.from_numpy(samples)[None])[0]
    n_frames = fresh.shape[1]
    kept = store.crops(np.array([2]), np.array([0]), n_frames)[0, MARGIN_BINS:-MARGIN_BINS]
    # Half precision of the roots keeps a thousandth; bins of another margin, two hundredths.
    torch.testing.assert_close(kept, fresh, rtol=0.01, atol=0.02 * float(fresh.max()))
    again = load_frames(items, cache)
    assert torch.equal(again.roots, store.roots)


def test_a_plan_depends_on_seed_step_and_rank_only(store):
    def plan(seed, step, rank):
        made = plan_step(SHORT, store.places, seed=seed, step=step, rank=rank)
        return made.recordings.tobytes() + made.starts.tobytes()

    assert plan(1, 2, 0) == plan(1, 2, 0)
    assert len({plan(1, 2, 0), plan(2, 2, 0), plan(1, 3, 0), plan(1, 2, 1)}) == 4
    for step in range(50):  # one shape on all devices
        plans = [plan_step(SHORT, store.places, seed=1, step=step, rank=rank) for rank in (0, 1)]
        assert plans[0].n_frames == plans[1].n_frames
        assert plans[0].recordings.shape == plans[1].recordings.shape


def test_shorter_fragments_come_in_larger_batches_of_distinct_recordings():
    lengths = np.full(100, 2000)
    places = Places(np.arange(100) * 2000, lengths, np.arange(200_001.0))
    sizes = set()
    for step in range(20):
        plan = plan_step(SHORT, places, seed=0, step=step)
        assert len(set(plan.recordings)) == len(plan.recordings)
        assert (plan.starts + plan.n_frames <= 2000).all()
        sizes.add((plan.n_frames, len(plan.recordings)))
    assert sizes == {(87, 8), (173, 4)}


def test_quiet_stretches_are_avoided():
    loudness = np.maximum(0.0, np.arange(10_001) - 5000.0)  # silent first half
    places = Places(np.array([0]), np.array([10_000]), loudness)
    rng = np.random.default_rng(0)
    starts = np.array([places.choose(np.array([0]), 100, rng)[0] for _ in range(300)])
    assert np.mean(starts < 4900) < 0.12  # 1/16 after four tries; 1/2 without


def made_views(items, store, **changes):
    recipe = find_recipe("default", fragment_s=(2.0,), batch=4, jitter_s=0.0, **changes)
    noise = noise_frames([], white_s=5)
    return Views(store, items, recipe, seed=0, noise=noise, stride_frames=16)


def test_calm_views_are_two_equal_ones_and_as_long_where_not_slowed_down(items, store):
    batch = made_views(items, store, context_share=0.0, spectral=CALM).batch(0)
    torch.testing.assert_close(batch.first, batch.second, rtol=1e-3, atol=1e-2)
    assert batch.collections.tolist() == [r // 2 for r in batch.recordings.tolist()]
    slow = made_views(items, store, spectral=replace(CALM, tempo=(0.5, 0.5))).batch(0)
    assert (slow.second[:, :, -1].amax(dim=1) > 0).all()


def test_context_is_whole_steps_around_the_fragment_and_classes_alone_have_none(items, store):
    made = made_views(items, store, context_s=1.0, context_share=1.0)
    batch, plan = made.batch(0), plan_step(made.recipe, store.places, seed=0, step=0)
    assert batch.context_frames == 48  # 1 s is 43 frames, 2.7 steps
    assert len(plan.recordings) == 2, "what the context costs, the batch gives"
    around = store.crops(plan.recordings, plan.starts - 48, plan.n_frames + 96)[:, 5:-5]
    torch.testing.assert_close(batch.first, normalise(around))
    places = Places(np.zeros(99, np.int64), np.full(99, 900), np.zeros(901))
    recipe = find_recipe("default", fragment_s=(5.0,), batch=8, context_share=1.0)
    for weight, context_s, size in ((0.0, 0.0, 8), (1.0, 6.0, 3)):  # 3: 8 · 5 / 11
        plan = plan_step(replace(recipe, pair_weight=weight), places, seed=0, step=0)
        assert (plan.context_s, len(plan.recordings)) == (context_s, size)


@torch.inference_mode()
def test_a_view_with_context_is_pooled_as_a_window_of_it():
    net = CqtNet(find_preset("tiny", frames_averaged=1)).eval()
    numbers = torch.arange(2)
    wide, narrow = torch.rand(2, 84, 96 + 160), torch.rand(2, 84, 160)
    batch = Batch(wide, narrow, numbers, numbers, context_frames=48)
    first, second = views.embed_batch(net, batch).chunk(2)
    count = net.steps(batch.second).shape[2]
    expected = net.embed_steps(net.steps(batch.first)[:, :, 3 : 3 + count])
    torch.testing.assert_close(first, expected)
    torch.testing.assert_close(second, net(batch.second))


def test_waveform_views_replace_the_last_of_the_batch(items, store, cache):
    made = made_views(items, store, context_share=0.0, waveform_share=0.5)
    waveforms = Waveforms(items, store.places, made.recipe, cache=cache, seed=0)
    assert [views.n_waveforms(find_recipe("default"), n) for n in (2, 4, 24)] == [1, 1, 3]
    assert views.n_waveforms(find_recipe("default", waveform_share=0.0), 24) == 0
    altered = waveforms[5]
    plan = plan_step(made.recipe, store.places, seed=0, step=5)
    assert altered.shape == (2, plan.n_samples)
    assert torch.equal(altered, waveforms[5]), "prepared by any process, the same"
    batch = made.batch(5, altered)
    assert batch.second.shape == (4, 84, plan.n_frames)
    torch.testing.assert_close(batch.second[2:], normalise(Cqt()(altered)))


def test_the_papers_waveforms_hold_their_own_recording(items, store, cache):
    """Where the chain drew nothing, the fragment is the file's own samples."""
    recipe = find_recipe("paper", fragment_s=(2.0,), batch=4)
    waveforms = Waveforms(items, store.places, recipe, cache=cache, seed=0)
    waveforms.chain = {}
    plan = plan_step(recipe, store.places, seed=0, step=9)
    for fragment, recording, start in zip(waveforms[9], plan.recordings, plan.starts, strict=True):
        own = audio.load(items[recording].path)[start * 512 :][: plan.n_samples]
        np.testing.assert_allclose(fragment.numpy(), own, atol=1e-4)


def test_noise_has_unit_variance_whatever_its_file(tmp_path):
    loud = np.random.default_rng(0).standard_normal(60_000) * 0.05
    soundfile.write(tmp_path / "n.wav", loud, 22050)
    frames = noise_frames([tmp_path / "n.wav"], white_s=3.0)
    n_white = 1 + 3 * 22050 // 512
    for part in (frames[:, 20 : n_white - 20], frames[:, n_white + 20 : -20]):
        assert part.square().mean().item() == pytest.approx(1.5, rel=0.1)
