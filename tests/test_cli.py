"""The command line as a whole: help, errors, exit codes."""

import json
import subprocess
import sys
import warnings
from importlib.metadata import entry_points
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from cqtnet.checkpoint import save_weights
from cqtnet.cli import cqtnet, main
from cqtnet.model import CqtNet, find_preset
from cqtnet.music import make_music

ROOT = Path(__file__).parent.parent
PACKAGES = {"augment", "cqtnet", "verify", "eval", "spoof"}


def all_commands():
    """Every command by its words, groups included."""
    commands: dict[str, click.Command] = {}

    def collect(words, command):
        commands[words] = command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                collect(f"{words} {name}".strip(), child)

    collect("", cqtnet)
    return commands


COMMANDS = all_commands()


def call(*words, cwd=ROOT):
    """The command as a user calls it, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cqtnet", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=300,
    )


def invoke(*words):
    return CliRunner().invoke(cqtnet, [str(word) for word in words])


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(CqtNet(find_preset("tiny")), path)
    return path


@pytest.fixture
def song(tmp_path):
    soundfile.write(tmp_path / "song.wav", make_music(1, duration_s=30.0), 22050)
    return tmp_path / "song.wav"


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_help_and_every_leaf_an_example(words):
    result = invoke(*words.split(), "--help")
    assert result.exit_code == 0, result.output
    command = COMMANDS[words]
    assert command.help
    if not isinstance(command, click.Group):
        assert f"cqtnet {words}" in result.output.split("Example")[1]


def test_every_command_has_a_line_in_the_documentation():
    pages = "".join(page.read_text() for page in [ROOT / "README.md", *ROOT.glob("docs/*.md")])
    for words, command in COMMANDS.items():
        if not isinstance(command, click.Group):
            assert f"cqtnet {words}" in pages, words


def imported_by(*words):
    """What a call has imported when it ends: modules of ours, and of others."""
    code = (
        "import sys; from cqtnet.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.stdout, done.stderr[:500]
    modules = set(done.stderr.splitlines()[-1].split())
    ours = {name for name in modules if name.partition(".")[0] in PACKAGES}
    return ours, modules - ours


def test_a_command_imports_little(song, tmp_path):
    """Who follows a command by hand reads at most so many files, and help comes at once."""
    archive = tmp_path / "archive"
    assert call("index", "add", archive, song).returncode == 0
    heavy = {"matplotlib", "torch._dynamo", "torch._inductor"}
    for most, words, unwanted in (
        (30, ["--help"], {"torch", "librosa", "numpy", "scipy", "rich", "av", *heavy}),
        (50, ["compare", song, song], heavy),
        (70, ["search", archive, song], heavy),
    ):
        ours, others = imported_by(*words)
        assert len(ours) <= most, sorted(ours)
        assert not unwanted & others
        assert not any(name.startswith("cqtnet.music") for name in ours)


def test_entry_points_are_all_there():
    names = {point.name for point in entry_points(group="cqtnet.commands")}
    assert names >= {"augment", "compare", "demo", "embed", "eval", "models", "music", "train"}


@pytest.mark.parametrize(("words", "message"), [
    (["embed", "none.wav", "--out", "x.npz"], "none.wav"),
    (["embed", "pyproject.toml", "--out", "x.npz"], "pyproject.toml"),
    (["embed", "README.md", "--out", "x.npz", "--model", "none"], "neither shipped"),
    (["train", "none.csv", "--out", "x"], "none.csv"),
    (["train", "docs", "--out", "x"], "holds no audio"),
    (["train", "docs", "--out", "x", "--recipe", "best"], "use one of default, paper"),
    (["train", "docs", "--out", "x", "--preset", "best"], "use one of paper, default, tiny"),
    (["augment", "none.wav", "x.wav", "--tempo", "1.1"], "none.wav"),
])  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(words, message, tmp_path):
    paths = [str(ROOT / w) if w in ("pyproject.toml", "README.md", "docs") else w for w in words]
    done = call(*paths, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [], "nothing half-written"


@pytest.mark.parametrize(
    "trouble", [click.Abort(), OSError("disk full"), MemoryError(), click.UsageError("what?")]
)
def test_no_trouble_ends_with_an_exit_code_that_is_an_answer(trouble, monkeypatch, capsys):
    def fail(**_):
        raise trouble

    monkeypatch.setattr("warnings.showwarning", warnings.showwarning)  # put back by monkeypatch
    monkeypatch.setattr("cqtnet.cli.cqtnet", fail)
    with pytest.raises(SystemExit, match=r"^2$"):
        main()
    assert str(trouble) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ending", "code"),
    [("| true", 141), ("2>&1 | true", 141), ("> /dev/full", 2), (">&-", 2)],
)
def test_an_answer_that_nobody_reads_ends_with_no_exit_code_of_an_answer(ending, code):
    """1 would mean "different" of `cqtnet compare`."""
    script = (
        f'exec 3>&1; "{sys.executable}" -m cqtnet --help {ending}; echo "${{PIPESTATUS[0]}}" >&3'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == str(code)
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def test_embed_writes_unit_vectors_and_says_what_it_did(song, weights, tmp_path):
    out = tmp_path / "out.npz"
    done = call("embed", song, "--out", out, "--model", weights, "--json", "--hop", 4)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["files"] == [str(song)] and summary["failed"] == {}
    with np.load(out, allow_pickle=False) as data:
        assert data["vectors"].shape == (summary["n_windows"], 64)
        assert data["files"].tolist() == [str(song)]
        assert len(str(data["model"])) == 64
        np.testing.assert_allclose(np.linalg.norm(data["vectors"], axis=1), 1, rtol=1e-5)
    again = call("embed", song, "--out", out, "--model", weights)
    assert again.returncode == 2 and "use --force" in again.stderr


def test_embed_goes_on_past_a_bad_file_and_exits_1(song, weights, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_text("not audio")
    done = call("embed", song, bad, "--out", tmp_path / "out.npz", "--model", weights)
    assert done.returncode == 1
    assert "1 files" in done.stdout and "bad.wav" in done.stderr
    assert (tmp_path / "out.npz").exists()


def test_names_that_are_not_utf8_go_in_and_out(song, weights, tmp_path):
    odd = song.rename(song.with_name("caf\udce9.wav"))
    out = tmp_path / "out.npz"
    done = call("embed", odd, "--out", out, "--model", weights, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"] == [str(odd)]


def test_deterministic_embeddings_are_the_same_bytes(song, weights, tmp_path):
    files = []
    for name in ("a.npz", "b.npz"):
        call("embed", song, "--out", tmp_path / name, "--model", weights, "--deterministic")
        with np.load(tmp_path / name) as data:
            files.append(data["vectors"].tobytes())
    assert files[0] == files[1]


def test_models_lists_what_ships():
    plain, cards = invoke("models"), json.loads(invoke("models", "--json").output)
    assert "default" in plain.output and "M parameters" in plain.output
    assert cards["default"]["recipe"]["name"] == "default"


def test_train_prints_the_figures_and_where_the_weights_are(tmp_path):
    made = call("music", tmp_path / "m", "--count", 6, "--duration", 8, "--validation", 0.4)
    assert made.returncode == 0, made.stderr
    words = ["--preset", "tiny", "--epochs", 1, "--batch", 4, "--waveform-share", 0]
    done = call("train", tmp_path / "m/manifest.tsv", "--out", tmp_path / "run", *words)
    assert done.returncode == 0, done.stderr
    assert "validation EER" in done.stdout and "final.safetensors" in done.stdout
    assert "fragments/s" in done.stderr
    words += ["--resume", "--json"]  # nothing is left to do, but to say it again
    again = call("train", tmp_path / "m/manifest.tsv", "--out", tmp_path / "run", *words)
    result = json.loads(again.stdout)
    assert result["weights"] == str(tmp_path / "run/final.safetensors")
    assert set(result["validation_eer"]) == {"tempo", "pitch", "noise", "reverb", "hard"}


def test_a_wrong_option_of_embed_is_one_line_for_many_files(song, weights):
    words = ["--out", song.with_suffix(".npz"), "--model", weights, "--window", "nan"]
    done = call("embed", song, song.parent, *words)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
