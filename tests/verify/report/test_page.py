import base64
import hashlib
import os
import platform
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from jinja2 import UndefinedError

from cqtnet.device import version
from cqtnet.errors import InputError
from tests.verify.report import cases
from verify.edits import Edit, EditMap
from verify.recording import item_of
from verify.report.page import page, part_of, printable, render, write_diff, write_report
from verify.report.sections import files
from verify.waveform import Waveform

VOID = {"meta", "img", "br"}


class Seen(HTMLParser):
    """Every tag, attribute and word of a page; tags must nest."""

    def __init__(self, content):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.words = ""
        self.feed(content)
        self.close()
        self.words = " ".join(self.words.split())
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words += data


FULL = {"audio": True, "made": "<u>now</u>", "command": "cqtnet '</code><script>' \udcff"}
HOSTILE = "<script>alert(1)<'\"&>\u202egpj.wav"


def page_of(comparison, a, b, calibration, *, audio=False, **options):
    part = part_of(comparison, a, b, calibration, audio=audio)
    return page([part], calibration, **options)


@pytest.fixture(scope="module")
def hostile(a, tmp_path_factory):
    """A, under a name and with notes that would do harm."""
    name = tmp_path_factory.mktemp("hostile") / HOSTILE
    shutil.copy(a.path, name)
    return replace(a, path=name, item=replace(a.item, path=str(name), notes=("<i>cut</i>",)))


@pytest.fixture(scope="module")
def full(hostile, b):
    """A page with all there is."""
    comparison = replace(cases.same(hostile, b), reasons=("<b>because",), edits=cases.edit_map())
    return page_of(comparison, hostile, b, cases.validated(), **FULL)


@pytest.fixture(scope="module")
def unpainted(a, b):
    """Makes the page of A and B without painting its pictures."""

    def page(comparison, calibration=None):
        with cases.unpainted():
            return page_of(comparison, a, b, calibration or cases.calibration(), audio=True)

    return page


@pytest.fixture(scope="module")
def pages(full, unpainted, a, b):
    """That page, and some by a calibration without validation."""
    found = (cases.different, cases.rendition, cases.undecided)
    return {"full": full} | {one.__name__: unpainted(one(a, b)) for one in found}


def check_plain(content):
    """What every page must be."""
    seen = Seen(content)
    for heading in ("The question", "The two recordings", "How sure", "Method", "Limits"):
        assert heading in seen.words
    assert not re.search(r"\b(nan|inf|None|match(es)?|fake)\b", seen.words)
    return seen


PAGES = {
    "full": (
        "Moderate support for the same recording rather than another rendition",
        "the same recordingan unrelated recording150",  # cells of one row
        "speak for: A and B hold the same recording.",
        "Where A lies in B",
        "this one lies within",
        "points the wrong way for 1 of 4 of the same recording and 1 of 4 of renditions",
        "Equal error rate 25.00%, Cllr 0.500, least possible Cllr 0.400",
        "Tippett",
        "8.0 s of the 8.0 s of A come from B, in 2 stretches.",
        "0:04.00–0:08.00",
        "4 s come later",
        "cqtnet '</code><script>'",
    ),
    "different": (
        "Moderately strong support for unrelated recordings rather than the same one",
        "speak against: A and B hold the same recording.",
        "No stretch is marked",
        "a natural-log likelihood ratio of −10.00, cut off at the bound of −6.00",
        "This is the bound of what the calibration can support",
        "The calibration carries no figures of its validation.",
        "Cuts, insertions and moves were not looked for",
        "1/400 to 1,100",
        "cd" * 32,  # the model
    ),
    "rendition": (
        "Moderate support for another rendition rather than the same recording",
        "speak for: A and B hold two renditions of one work.",
        "No stretch is marked",
    ),
    "undecided": (
        "Insufficient evidence for either answer",
        "Likelihood ratio 3 ",
        "about as probable under either",
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_tells_what_is_known_and_nothing_else(name, pages, a, b):
    words = check_plain(pages[name]).words
    assert [said for said in PAGES[name] if said not in words] == []
    for said in ("Where A lies in B", "Tippett"):
        assert (said in words) == (said in PAGES[name])
    if name != "full":
        assert a.item.sha256 in words and f"cqtnet compare {a.item.path} {b.item.path}" in words
        (spectrograms,) = re.findall(r'alt="(Spectrograms[^"]*)"', pages[name])
        assert spectrograms.endswith("nothing is joined.")
    assert Seen(pages[name]).tags.count("audio") == 2 * (name == "full"), "asked for of each"


def test_a_page_on_silence_states_no_ratio_and_draws_nothing(tmp_path):
    silence = np.zeros(22050, np.float32)
    why = "holds nothing but silence"
    a, b = (cases.recording(tmp_path / f"{x}.wav", silence, problem=why) for x in "ab")
    seen = check_plain(page_of(cases.unmeasured(a, b), a, b, cases.calibration()))
    assert "No likelihood ratio is stated." in seen.words
    assert "img" not in seen.tags and "silence throughout" in seen.words


def test_the_page_is_self_contained_and_holds_no_script(full):
    seen = Seen(full)
    assert seen.sources and all(source.startswith("data:") for source in seen.sources)
    assert "script" not in seen.tags and "link" not in seen.tags
    assert not re.search(r"https?:|url\(|@import", full)
    pictures = [source for source in seen.sources if source.startswith("data:image/svg")]
    for picture in pictures:  # an SVG may name its name spaces, but load nothing
        svg = base64.b64decode(picture.split(",")[1]).decode()
        assert not re.search(r'href="(?!#)', svg)
    assert len(full) < 2_500_000


def test_hostile_names_and_words_are_shown_and_do_nothing(full):
    seen = Seen(full)
    assert not {"script", "i", "b", "u"} & set(seen.tags)
    assert "\u202e" not in full and "\\u202egpj.wav" in seen.words
    assert "<script>alert(1)<'\"&>" in seen.words and "\\xff" in seen.words
    for words in ("<i>cut</i>", "<b>because", "4 s <gone>", "two <collections>", "<u>now</u>"):
        assert words in seen.words


def test_the_same_comparison_gives_the_same_bytes(full, hostile, b, path):
    comparison = replace(cases.same(hostile, b), reasons=("<b>because",), edits=cases.edit_map())
    write_report(path, comparison, hostile, b, cases.validated(), **FULL)
    assert path.read_bytes() == full.encode()


def test_polarity_level_and_place_are_told_where_the_waveforms_tell(unpainted, a, b):
    waveform = Waveform(0.99, True, -6.0, -0.00002)
    found = replace(cases.same(a, b), waveform=waveform, identity="sound")
    words = check_plain(unpainted(found)).words
    assert "Identical sound: every decoded sample is the same. Moderate support" in words
    assert "Polarityreversed" in words and "Level−6.0 dB" in words
    assert "the beginning of A lies at 0.0000 s of B" in words


def test_a_missing_value_and_a_page_that_cannot_be_written_are_errors(a, b, tmp_path, monkeypatch):
    with pytest.raises(UndefinedError, match="kicker"):
        render("verdict.html.j2", comparison=cases.same(a, b))
    monkeypatch.setattr("verify.report.page.page", lambda *_, **__: "")
    with pytest.raises(InputError, match="is not a regular file"), cases.unpainted():
        write_report(tmp_path, cases.same(a, b), a, b, cases.calibration())


@pytest.mark.parametrize(("given", "shown"), [
    ("two\nlines\x1b[0m", "two\\nlines\\x1b[0m"),
    ("gpj.\u202ewav", "gpj.\\u202ewav"),
    ("\udcff", "\\xff"),
    ("Größe 音", "Größe 音"),
    (7, "7"),
])  # fmt: skip
def test_a_name_looks_like_what_it_is(given, shown):
    assert printable(given) == shown


def test_all_edits_of_a_long_map_are_there_and_the_table_may_break(unpainted, a, b):
    edits = tuple(Edit("cut", i / 4, i / 4, i, i + 0.5, f"number {i}") for i in range(20))
    found = replace(cases.edit_map(), edits=edits)
    content = unpainted(replace(cases.same(a, b), edits=found))
    assert "number 19" in content
    printed = content[content.index("@media print") : content.index("</style>")]
    (whole,) = re.findall(r"([^{}]+)\{ break-inside: avoid; \}", printed)
    assert "tr" in whole and ".wide" not in whole and "table" not in whole


def test_a_page_of_several_pairs_has_a_table_that_leads_to_the_part_of_each(hostile, b):
    """Of three pairs and of one that could not be compared."""
    same = replace(cases.same(hostile, b), edits=cases.edit_map())
    found = [same, cases.different(hostile, b), cases.rendition(hostile, b)]
    known = cases.validated()
    with cases.unpainted():
        parts = [part_of(one, hostile, b, known, number=i + 1) for i, one in enumerate(found)]
    problems = ["<i>gone</i>.wav cannot be read"]
    several = page(parts, known, command="cqtnet compare", problems=problems)
    seen = check_plain(several)
    assert [source for source in seen.sources if not source.startswith("data:")] == [
        "#pair-1", "#pair-2", "#pair-3",
    ]  # fmt: skip
    names = re.findall(r'\bid="([^"]*)"', several)
    assert len(names) == len(set(names)) and {"pair-1", "pair-3", "pair-2-items"} <= set(names)
    assert not {"script", "i", "b", "u", "audio"} & set(seen.tags)
    for words in (
        "4 pairs", "These could not be compared:", "<i>gone</i>.wav cannot be read",
        "same558.0 s of the 8.0 s of A come from B, in 2 stretches.", "pitch as in B; 2 edits",
        "different1/400––", "another rendition1/55", "A follows 0:04.00 to 0:12.00 of B–",
        f"Pair 2: {HOSTILE[:8]}",
    ):  # fmt: skip
        assert words in seen.words, words
    for once in ("The question", "Method", "Which validation applies"):
        assert several.count(f"<h2>{once}</h2>") == 1
    assert "the findings speak for" not in seen.words


def test_files_are_told_by_what_the_system_and_their_tags_say(tmp_path):
    path = tmp_path / "tagged.flac"
    with soundfile.SoundFile(path, "w", 22050, 1, "PCM_24") as file:
        file.title, file.artist = "<b>case", "long " * 100
        file.write(np.zeros(22050))
    os.utime(path, (0, 1_000_000_000))
    rows = {name: one for name, one, _ in files(item_of(path), item_of(path), (path, path))}
    assert rows["Size"] == f"{path.stat().st_size:,} bytes"
    assert rows["Modified"] == "2001-09-09 01:46:40 UTC"
    assert rows["SHA-256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (rows["Container, codec"], rows["Bit depth"]) == ("flac, flac", "24 bits")
    assert rows["Sampling"] == "22,050 Hz, 1 channel" and rows["Duration"] == "0:01.00 (1.00 s)"
    assert "<b>case" in rows["Tags"] and "(340 characters more)" in rows["Tags"]


def test_a_page_says_which_validation_applies_and_what_computed_it(unpainted, a, b):
    calibration = cases.validated()
    tried = calibration.data["rendition"] | {"cllr_music": 0.25, "cllr_speech": 0.75}
    calibration = replace(calibration, data=calibration.data | {"rendition": tried})
    words = check_plain(unpainted(cases.same(a, b), calibration)).words
    for said in (
        "against another rendition applies for music, which", "Its Cllr there is 0.250.",
        "the same recordinganother rendition4,000 + 5,0000.5000.2500.7501/400 to 1,100",
        "music and speech: two <collections>; recordings: 40; conditions: tempo",
        f"torch {version('torch')}", f"av {version('av')}",
        f"soxr {version('soxr')}", "ffmpeg ", f"machine {platform.machine()}",
    ):  # fmt: skip
        assert said in words, said


def test_a_page_of_edits_tells_files_stretches_other_places_and_what_each_edit_is(hostile, b, path):
    found = cases.edit_map()
    first, second = found.stretches
    found = replace(found, stretches=(replace(first, also_b_s=(2.0, 6.0)), second))
    write_diff(path, found, hostile.path, b.path)
    seen = Seen(path.read_text())
    assert "script" not in seen.tags and "<script>alert(1)" in seen.words
    for words in (
        "A holds parts of B", "in 2 stretches. 2 edits.", "4 s <gone>", "other places",
        "0:02.00 or 0:06.00", "cuta stretch of B is missing in A", "pcm_f32", "cqtnet diff",
    ):  # fmt: skip
        assert words in seen.words, words
    assert "a stretch of A is not from B" not in seen.words and seen.tags.count("img") == 1
    write_diff(path, EditMap(8.0, 12.0, (), ()), hostile.path, b.path)
    assert "Nothing in common was found" in path.read_text()
