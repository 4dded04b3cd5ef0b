"""Training: what is learned from, in which order, what is kept, when it ends."""

import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import spoof.train
from cqtnet.errors import InputError, WeightsError
from cqtnet.runstate import Progress
from spoof import train as t
from spoof.checkpoint import load_trained, save_trained
from spoof.data import Utterance
from spoof.prepare import Preparer, part_examples, segment_parts
from spoof.recipes import OURS, Training
from spoof.report import curves
from tests.spoof.material import TINY, examples, network, text, voices

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return voices(tmp_path_factory.mktemp("voices"), groups=10)


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    return Preparer(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def learn(data, ready, tmp_path):
    """Train a recipe in a folder of the test's own."""

    def run(recipe=TINY, out="run", *, report=None, on=data, **more):
        config = t.TrainConfig(tmp_path / out, recipe, ready, device="cpu", **more)
        return t.train(on, config, report=report or (lambda step: None))

    return run


def weights_of(outcome):
    return load_trained(outcome.weights).net.state_dict()


def test_voices_that_are_easily_told_apart_are_told_apart(learn, tmp_path, monkeypatch):
    monkeypatch.setattr("spoof.train.curves", curves)
    outcome = learn()
    assert outcome.is_finished and len(outcome.history) == 4
    assert outcome.history[-1]["valid_accuracy"] == 1 and outcome.history[-1]["valid_eer"] == 0
    card = json.loads((tmp_path / "run" / "best.json").read_text())
    assert card["recipe"]["name"] == "tiny" and card["recordings"] == {"human": 10, "synthetic": 10}
    learned = card["learned"]
    assert learned["human"] == learned["synthetic"] == 7  # of 10 groups; 3 are held out
    assert learned["systems"] == ["system 0", "system 1"] and len(card["data_sha256"]) == 64
    assert (tmp_path / "run" / "curves.png").stat().st_size > 1000


@pytest.mark.parametrize("changes", [{}, {"balanced": True, "copies": 3}])
def test_a_resumed_run_ends_as_one_without_pause(learn, changes, monkeypatch):
    monkeypatch.setattr(spoof.train, "SAVED_EVERY_S", 0)
    recipe = TINY.changed(keep="last", schedule="cosine", **changes)
    whole = weights_of(learn(recipe, "whole"))

    def interrupted(step):
        if step.epoch == 2 and step.row is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(recipe, "parts", report=interrupted)
    parts = weights_of(learn(recipe, "parts", resume=True))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_the_test_part_is_not_read(learn, data, tmp_path):
    bad = text(tmp_path / "bad.wav", "RIFF no audio at all")
    marked = [replace(u, split="train") for u in data]
    held_out = [Utterance(bad, is_fake, "t", split="test") for is_fake in (False, True)]
    assert learn(on=marked + held_out).is_finished


def test_other_seeds_learn_otherwise_and_the_same_seed_the_same(learn, data):
    marked = [replace(u, split="valid" if u.group in ("g0", "g1") else "train") for u in data]
    runs = [learn(out=name, on=marked, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))]
    a, b, c = (weights_of(run)["0.weight"] for run in runs)
    assert torch.equal(a, b) and not torch.equal(a, c)


def test_a_run_is_not_overwritten_and_only_the_same_run_is_resumed(learn, data):
    learn()
    with pytest.raises(WeightsError, match="holds a run already; use --resume"):
        learn()
    with pytest.raises(WeightsError, match="was trained with another seed"):
        learn(seed=1, resume=True)
    with pytest.raises(WeightsError, match=r"with another (data_sha256|recordings|systems)"):
        learn(on=data[2:], resume=True)


def test_a_loss_that_is_no_number_ends_training(learn):
    with pytest.raises(InputError, match=r"the loss is nan in epoch .; lower the learning rate"):
        learn(TINY.changed(learning_rate=1e30, optimiser="sgd"))


def test_one_logit_and_two_are_the_same_loss_as_sigmoid_and_softmax():
    is_fake, p = torch.tensor([True, False]), torch.sigmoid(torch.tensor([0.3, -1.2]))
    one, two = torch.tensor([[0.3], [-1.2]]), torch.tensor([[0.0, 0.3], [1.2, 0.0]])
    expected = -(math.log(p[0]) + math.log(1 - p[1])) / 2
    assert float(t.loss_of(one, is_fake)) == pytest.approx(expected)
    assert float(t.loss_of(two, is_fake)) == pytest.approx(expected)


def test_the_rate_falls_as_a_cosine():
    training = Training(10, 1, learning_rate=0.4, schedule="cosine")
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    rates = []
    for epochs in (1.0, 5.0, 10.0):
        t.set_rate(optimiser, training, epochs)
        rates.append(optimiser.param_groups[0]["lr"])
    first = 0.4 * 0.5 * (1 + math.cos(math.pi / 10))
    assert rates == pytest.approx([first, 0.2, 0.0], abs=1e-3)


@pytest.mark.parametrize(
    ("keep", "best"), [("last", 3), ("loss", 1), ("accuracy", 2), ("f1", 3), ("eer", 1)]
)
def test_what_is_kept_is_best_by_the_recipes_rule(keep, best):
    keys = ("epoch", "valid_loss", "valid_accuracy", "valid_f1", "valid_eer")
    columns = [(1, 0.1, 0.5, 0.0, 0.1), (2, 0.3, 0.9, 0.2, 0.2), (3, 0.2, 0.8, 0.7, 0.3)]
    rows = [dict(zip(keys, column, strict=True)) for column in columns]
    training = Training(3, 1, keep=keep)
    assert min(rows, key=lambda row: t.rank_of(row, training))["epoch"] == best


def test_only_every_second_epoch_may_be_kept_and_one_output_learns_as_well(learn):
    recipe = TINY.changed(keep="f1", keep_every=2)
    outcome = learn(replace(recipe, model=partial(network, n_outputs=1)))
    assert outcome.history[-1]["valid_accuracy"] == 1
    assert outcome.best_epoch in (2, 4)  # all epochs are as good after the first


@pytest.mark.parametrize(("losses", "over"), [([3, 2, 2.5], False), ([3, 2, 2.5, 2.1], True)])
def test_patience_ends_a_run_that_gets_no_better(losses, over):
    history = [{"epoch": i + 1.0, "valid_loss": loss} for i, loss in enumerate(losses)]
    progress = Progress(step=len(losses), history=history)
    assert t.is_over(progress, Training(50, 1, patience=2, keep="loss")) is over


def test_copies_stay_in_the_part_of_their_segment_and_are_learned_from_only(data, ready):
    everything = ready.examples(data, TINY, copies=3)
    part = segment_parts(everything, seed=4)
    for copy in (1, 2):
        assert (part[everything.copy == copy] == part[everything.copy == 0]).all()
    for split_by in ("group", "segment"):
        learning = part_examples("train", data, TINY, ready, split_by=split_by, copies=3)
        choosing = part_examples("valid", data, TINY, ready, split_by=split_by)
        assert set(learning.copy) == {0, 1, 2} and set(choosing.copy) == {0}


def planted(counts, *, copies=1):
    """Recordings of a class and a collection with so many segments."""
    recordings = [
        Utterance(Path(f"{i}.wav"), is_fake, f"g{i}", collection=name)
        for i, (is_fake, name, _) in enumerate(counts)
    ]
    return examples(recordings, [n for *_, n in counts], copies=copies)


def test_an_epoch_sees_every_example_once():
    found = planted([(False, "a", 5), (True, "a", 6)], copies=2)
    order = t.epoch_order(found, Training(1, 4), seed=0, epoch=0)
    assert sorted(order.tolist()) == list(range(22))
    assert order.tolist() != t.epoch_order(found, Training(1, 4), seed=0, epoch=1).tolist()
    found = planted([(False, "a", 50), (True, "a", 60)], copies=3)
    order = t.epoch_order(found, Training(1, 4, copies_used="one"), seed=0, epoch=0)
    seen = sorted(zip(found.recording[order].tolist(), found.segment[order].tolist(), strict=True))
    assert seen == [(i, s) for i, n in ((0, 50), (1, 60)) for s in range(n)]
    assert np.bincount(found.copy[order], minlength=3).min() > 20  # of 110, a third each


@pytest.mark.parametrize(("collections", "shares"), [
    # Half by class, then collection; half of collection a alone, which holds both classes.
    ("aab", [0.5, 0.375, 0.125]),
    # No collection holds both classes: all of a class count the same.
    ("abc", [0.5, 0.25, 0.25]),
])  # fmt: skip
def test_balanced_epochs_see_classes_and_collections_alike(collections, shares):
    found = planted(list(zip([False, True, True], collections, [10, 100, 890], strict=True)))
    balanced = Training(1, 4, balanced=True)
    order = np.concatenate([t.epoch_order(found, balanced, seed=0, epoch=e) for e in range(10)])
    drawn = np.bincount(found.recording[order]) / len(order)
    assert drawn == pytest.approx(shares, abs=0.02)  # of 10,000: 4 deviations
    chance = t.nested_chance(np.array([0, 0, 0, 1]), np.array([5, 5, 6, 5]), np.array([0, 1, 2, 3]))
    assert chance.tolist() == [0.125, 0.125, 0.25, 0.5]


@pytest.mark.parametrize(
    ("n_examples", "batch", "sizes"), [(9, 4, [4, 4]), (10, 4, [4, 4, 2]), (3, 1, [1, 1, 1])]
)
def test_a_last_batch_of_one_is_left_out(n_examples, batch, sizes):
    found, training = planted([(False, "a", n_examples)]), Training(1, batch)
    found_sizes = [len(at) for at in t.batches(found, training, seed=0, epoch=0)]
    assert found_sizes == sizes and t.n_batches(found, training) == len(sizes)


def test_damaged_weights_and_those_of_a_changed_recipe_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    save_trained(TINY.build(), TINY, path)
    monkeypatch.setitem(OURS, "tiny", replace(TINY, segment_s=1.0))
    with pytest.raises(WeightsError, match="the input of tiny has changed; train it again"):
        load_trained(path)
    monkeypatch.setitem(OURS, "tiny", TINY)
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(WeightsError, match="damaged or not the file that was trained"):
        load_trained(path)
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(WeightsError, match="the JSON beside the weights, is unreadable"):
        load_trained(path)
    with pytest.raises(WeightsError, match=r"'nowhere' are neither shipped .* make some with"):
        load_trained("nowhere")


def test_weights_come_back_as_they_were_but_for_halves_also_with_an_old_card(tmp_path):
    """Older cards name modules, whose code has moved since."""
    torch.manual_seed(0)
    net, path = TINY.build().eval(), tmp_path / "w.safetensors"
    sha256 = save_trained(net, TINY, path, seed=7)
    card = json.loads(path.with_suffix(".json").read_text())
    card["recipe"]["model"] = f"tests.spoof.voices.{card['recipe']['model']}"
    card["recipe"]["input"]["feature"] = "tests.spoof.voices.bands(count=8)"
    path.with_suffix(".json").write_text(json.dumps(card))
    found, inputs = load_trained(path), torch.randn(5, 8)
    assert found.sha256 == sha256 and found.seed == 7 and found.recipe == TINY
    assert torch.allclose(found.net(inputs), net(inputs), atol=3e-3)  # 2**-11 of weights up to 1
