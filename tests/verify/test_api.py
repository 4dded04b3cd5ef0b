"""What a program or a notebook uses: the names of `verify.__all__`, and what they show."""

import inspect
import io
import pydoc
import subprocess
import sys
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import soundfile

import verify
from cqtnet import SAMPLE_RATE, Embedder
from cqtnet.errors import InputError
from tests.verify.archive import pieces
from tests.verify.report import cases
from verify.archive.archive import check_archive
from verify.archive.results import Entry, Match, SearchResult, Unproven
from verify.edits import EditMap

LONGEST = 200
HOSTILE = "<script>\u202e" + 300 * "a" + ".wav"


def test_importing_verify_loads_nothing_heavy_and_help_lists_what_is_public():
    heavy = "{'torch', 'librosa', 'matplotlib', 'numpy', 'av'} & set(sys.modules)"
    code = f"import sys, verify; print({heavy}); help(verify); print(verify.__all__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("set()\n")
    assert all(f"class {name}(" in done.stdout for name in ("Archive", "Comparer", "Match"))
    assert "compare(a: " in done.stdout and len(verify.__all__) <= 15


@pytest.mark.parametrize("package", ["verify", "cqtnet", "augment", "eval.metrics"])
def test_public_names_are_typed_and_explained(package):
    names = [name for name in import_module(package).__all__ if not name.isupper()]
    for name in names:
        public = getattr(import_module(package), name)
        if public is import_module("augment").Recipe:  # another name of a type
            continue
        assert inspect.getdoc(public), name
        told = pydoc.render_doc(public, renderer=pydoc.plaintext)
        assert "numpy._typing" not in told and "> at 0x" not in told, name
        known = vars(public).items() if inspect.isclass(public) else [(name, public)]
        for own, function in known:
            function = getattr(function, "__func__", function)
            if not inspect.isfunction(function) or own.startswith("_"):
                continue
            signature = inspect.signature(function)
            untyped = [p.name for p in signature.parameters.values() if p.annotation is p.empty]
            assert set(untyped) <= {"self", "cls"} and function.__doc__, (name, own)
            assert signature.return_annotation is not signature.empty, (name, own)


@pytest.fixture(scope="module")
def song():
    return pieces.music(12)[: 20 * SAMPLE_RATE]


def test_one_recording_is_the_same_in_every_form(song, tmp_path):
    comparer, memory, path = pieces.comparer(), io.BytesIO(), tmp_path / "song.wav"
    soundfile.write(path, song, SAMPLE_RATE, subtype="FLOAT")
    memory.write(path.read_bytes())
    with path.open("rb") as file:
        forms = [str(path), path, file, memory, (song, SAMPLE_RATE), ([song, song], SAMPLE_RATE)]
        known = [comparer.read(form) for form in forms]
    assert len({one.item.sha256 for one in known[:4]}) == 1
    assert all(np.array_equal(one.sound, song) for one in known)
    found = comparer.compare((song, SAMPLE_RATE), path)
    assert (found.identity, found.a.path) == ("sound", "samples in memory")
    vectors = [comparer.embedder.embed(form) for form in (song, (song, SAMPLE_RATE), str(path))]
    assert np.array_equal(vectors[0], vectors[1]) and np.array_equal(vectors[0], vectors[2])
    for one in (found, found.alignment, found.evidence, comparer, known[0]):
        assert 20 < len(repr(one)) <= LONGEST and "\n" not in repr(one)
    with pytest.raises(InputError, match="is no recording; give a path"):
        verify.compare(song, path)


def test_an_archive_takes_and_finds_what_is_in_memory(song, tmp_path, monkeypatch):
    embedder = pieces.comparer().embedder
    monkeypatch.setattr(Embedder, "named", lambda *_, **__: embedder)
    monkeypatch.chdir(tmp_path)
    with verify.Archive.open_or_create("arch") as archive:
        sounds = [(song, SAMPLE_RATE), (song[:SAMPLE_RATE], SAMPLE_RATE)]
        summary = archive.add(sounds, tags=["take 1"])
        assert repr(summary).startswith("<Summary: 1 added, 1 failed; 0.01 h read in ")
        assert "samples in memory: fragment of about 1.0" in repr(summary)
        assert archive.add(sounds[0]).counts == {"unchanged": 1}
        (match,) = archive.search((song[5 * SAMPLE_RATE : 15 * SAMPLE_RATE], SAMPLE_RATE)).matches
        assert match.path.startswith("samples in memory (") and match.entry.tags == ("take 1",)
        assert match.reference_start_s == pytest.approx(5.0, abs=0.05)
        assert repr(archive) == "<Archive: arch, 1 recording, 0.0 h>"
    assert repr(archive) == "<Archive: arch, closed>"
    assert check_archive(tmp_path / "arch", read_audio=True) == []


def a_search():
    entry = Entry(7, "ab" * 32, (HOSTILE,), 30.0, (), "2026-01-01", 3)
    match = Match(entry, HOSTILE, 4.0, 9.0, 0.0, 10.0, 5.0, 15.0, cases.LINE, 0.9, 0.8, 2.5)
    sure = replace(match, is_sure=True, verdict="same")
    return SearchResult((sure,) * 30, (Unproven(entry, 1.0, 2.0, 0.9, "gone"),), 10.0)


def test_results_are_short_in_words_escaped_in_tables_and_frames_of_pandas(tmp_path, monkeypatch):
    a, b = (cases.recording(tmp_path / name, np.zeros(8 * SAMPLE_RATE)) for name in "ab")
    found, search = cases.same(a, b), a_search()
    found = replace(found, a=replace(found.a, path=HOSTILE), reasons=("<b>why",))
    pair = verify.Pair(search.matches[0].entry, search.matches[0].entry, search.matches)
    edits = EditMap(8.0, 8.0, (found.alignment,) * 99, ())
    for one in (found, search, pair, edits, search.matches[0], search.unproven[0], found.a):
        assert 20 < len(repr(one)) <= LONGEST and "\u202e" not in repr(one)
    assert "SAME RECORDING LR 55; A <script>" in repr(found)
    assert repr(search).startswith("<SearchResult: Found in the archive; 30 matches; 0:00.00–0:10")
    for shown in (found._repr_html_(), search._repr_html_()):
        assert "<script>" not in shown and "&lt;script&gt;" in shown and "SAME RECORDING" in shown
    assert "&lt;b&gt;why" in found._repr_html_() and search._repr_html_().count("<tr>") == 22
    assert list(verify.to_frame([found])["alignment.tempo"]) == [1.0]
    assert len(verify.to_frame(search)) == 30
    assert list(verify.to_frame([pair])["relation"]) == ["the same"]
    unsure = replace(search.matches[0], verdict="insufficient")
    assert replace(pair, matches=(unsure,)).relation == "perhaps a copy"
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="a frame needs pandas; pip install pandas"):
        verify.to_frame([found])
