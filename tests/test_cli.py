"""The command line as a whole: help, errors, exit codes."""

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from unittest.mock import Mock

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from cqtnet.checkpoint import save_weights
from cqtnet.cli import cqtnet, main
from cqtnet.model import CqtNet
from cqtnet.music import make_music
from cqtnet.preset import find_preset

ROOT = Path(__file__).parent.parent
PACKAGES = {"augment", "cqtnet", "verify", "eval", "spoof", "workbench"}


def commands(words="", command=cqtnet):
    """Every command with its words, groups included."""
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(f"{words} {name}".strip(), command.get_command(context, name))


COMMANDS = dict(commands())


def invoke(*words):
    return CliRunner().invoke(cqtnet, [str(word) for word in words])


@pytest.fixture
def call(monkeypatch, capsys):
    """The command as a user calls it: its exit code, output and error output."""
    monkeypatch.setattr("warnings.showwarning", warnings.showwarning)  # put back by monkeypatch

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["cqtnet", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(CqtNet(find_preset("tiny")), path)
    return path


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("song") / "song.wav"
    soundfile.write(path, make_music(1, duration_s=12.0), 22050)
    return path


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_help_and_every_leaf_an_example(words):
    result = invoke(*words.split(), "--help")
    assert result.exit_code == 0, result.output
    command = COMMANDS[words]
    assert command.help
    if not isinstance(command, click.Group):
        assert f"cqtnet {words}" in result.output.split("Example")[1]


def test_every_command_has_a_line_in_the_documentation():
    pages = "".join(page.read_text() for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
    for words, command in COMMANDS.items():
        if not isinstance(command, click.Group):
            assert f"cqtnet {words}" in pages, words


def imported_by(code, *words):
    """What code has imported when it ends: modules of ours, and all."""
    code += "\nprint(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", f"import sys; {code}", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    modules = set(done.stderr.splitlines()[-1].split())
    return {name for name in modules if name.partition(".")[0] in PACKAGES}, modules


HEAVY = {"matplotlib", "torch._dynamo", "torch._inductor", "cqtnet.music"}


@pytest.mark.parametrize(("words", "most", "unwanted"), [
    ("--help", 32, HEAVY | {"torch", "librosa", "numpy", "scipy", "rich", "av"}),
    ("compare SONG SONG --device cpu", 50, HEAVY | {"jinja2", "scipy.signal", "eval", "torch"}),
    ("search ARCHIVE SONG", 70, HEAVY),
    ("spoof detect SONG", 60, HEAVY | {"spoof.copies", "spoof.resnet", "eval"}),
])  # fmt: skip
def test_a_command_imports_little(words, most, unwanted, song, tmp_path):
    """Who follows a command by hand reads at most so many files, and help comes at once."""
    if "ARCHIVE" in words:
        assert invoke("index", "add", tmp_path / "archive", song).exit_code == 0
    paths = {"SONG": song, "ARCHIVE": tmp_path / "archive"}
    given = [paths.get(word, word) for word in words.split()]
    code = "from cqtnet.cli import main\ntry: main()\nexcept SystemExit as e: assert e.code != 2"
    ours, names = imported_by(code, *given)
    assert "cqtnet.cli" in ours and len(ours) <= most, sorted(ours)
    assert not unwanted & names


@pytest.mark.parametrize(("module", "unwanted"), [
    ("augment.errors", "torch librosa audiomentations scipy soundfile soxr av numpy"),
    ("cqtnet.audio", "torch librosa scipy faiss"),
    ("cqtnet.music", "torch librosa soundfile"),
    ("eval.plots", "matplotlib.pyplot"),
])  # fmt: skip
def test_a_module_imports_nothing_heavy_that_it_does_not_need(module, unwanted):
    ours, names = imported_by(f"import {module}")
    assert module in ours and not set(unwanted.split()) & names


@pytest.mark.parametrize(("words", "message"), [
    (["embed", "none.wav", "--out", "x.npz"], "none.wav"),
    (["embed", "pyproject.toml", "--out", "x.npz"], "pyproject.toml"),
    (["embed", "README.md", "--out", "x.npz", "--model", "none"], "neither shipped"),
    (["train", "docs", "--out", "x"], "holds no audio"),
    (["train", "docs", "--out", "x", "--recipe", "best"], "use one of default, paper"),
])  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(words, message, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = ("pyproject.toml", "README.md", "docs")
    code, out, err = call(*(ROOT / word if word in known else word for word in words))
    assert (code, out) == (2, "") and message in err
    assert err.count("\n") == 1 and "Traceback" not in err
    assert list(tmp_path.iterdir()) == [], "nothing half-written"


@pytest.mark.parametrize(
    "trouble", [click.Abort(), OSError("disk full"), MemoryError(), click.UsageError("what?")]
)
def test_no_trouble_ends_with_an_exit_code_that_is_an_answer(trouble, monkeypatch, call):
    monkeypatch.setattr("cqtnet.cli.cqtnet", Mock(side_effect=trouble))
    code, _, errors = call()
    assert code == 2 and str(trouble) in errors


@pytest.mark.parametrize(
    ("ending", "code"), [("| true", 141), ("2>&1 | true", 141), ("> /dev/full", 2), (">&-", 2)]
)
def test_an_answer_that_nobody_reads_ends_with_no_exit_code_of_an_answer(ending, code):
    """1 would mean "different" of `cqtnet compare`."""
    called = f'"{sys.executable}" -m cqtnet --help {ending}'
    script = f'exec 3>&1; {called}; echo "${{PIPESTATUS[0]}}" >&3'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == str(code)
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def test_embed_writes_unit_vectors_and_says_what_it_did(call, song, weights, tmp_path):
    out = tmp_path / "out.npz"
    code, printed, errors = call("embed", song, "--out", out, "--model", weights, "--json")
    assert code == 0, errors
    summary = json.loads(printed)
    assert summary["files"] == [str(song)] and summary["failed"] == {}
    with np.load(out, allow_pickle=False) as data:
        assert data["vectors"].shape == (summary["windows"], 64)
        assert data["files"].tolist() == [str(song)] and len(str(data["model"])) == 64
        np.testing.assert_allclose(np.linalg.norm(data["vectors"], axis=1), 1, rtol=1e-5)
    code, _, errors = call("embed", song, "--out", out, "--model", weights)
    assert code == 2 and "use --force" in errors


def test_embed_goes_on_past_a_bad_file_and_exits_1(call, song, weights, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_text("not audio")
    out = tmp_path / "out.npz"
    code, printed, errors = call("embed", song, bad, "--out", out, "--model", weights)
    assert code == 1 and "1 files" in printed and "bad.wav" in errors and out.exists()
    words = ["--out", tmp_path / "x.npz", "--model", weights, "--window", "nan"]
    code, _, errors = call("embed", song, bad, *words)
    assert code == 2 and errors.count("\n") == 1, "a wrong option is told once"


def test_names_that_are_not_utf8_go_in_and_out(song, weights, tmp_path):
    odd = shutil.copy(song, tmp_path / "caf\udce9.wav")
    words = ["embed", odd, "--out", tmp_path / "out.npz", "--model", weights, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "cqtnet", *map(str, words)],
        capture_output=True, text=True, errors="surrogateescape", cwd=ROOT, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"] == [str(odd)]


def test_models_lists_what_ships():
    plain, cards = invoke("models"), json.loads(invoke("models", "--json").output)["models"]
    assert "default" in plain.output and "M parameters" in plain.output
    assert cards["default"]["recipe"]["name"] == "default"


def test_train_prints_the_figures_and_where_the_weights_are(call, tmp_path):
    made = call("music", tmp_path / "m", "--count", 4, "--duration", 4, "--validation", 0.5)
    assert made[0] == 0, made
    words = ["--preset", "tiny", "--epochs", 1, "--batch", 2, "--waveform-share", 0]
    train = ["train", tmp_path / "m/manifest.tsv", "--out", tmp_path / "run", *words]
    code, printed, errors = call(*train, "-v")
    assert code == 0 and "fragments/s" in errors
    assert "validation EER" in printed and "final.safetensors" in printed
    _, printed, _ = call(*train, "--resume", "--json")  # nothing is left to do, but to say it again
    result = json.loads(printed)
    assert result["weights"] == str(tmp_path / "run/final.safetensors")
    assert set(result["validation_eer"]) == {"tempo", "pitch", "noise", "reverb", "hard"}
