from types import SimpleNamespace

import pytest

from tests.verify.report.test_page import HOSTILE, Seen
from verify.archive.results import SearchResult, Unproven
from verify.report import search
from verify.results import Line

MANIFEST = SimpleNamespace(window_s=10.0, created="<i>today</i>", model_sha256="ef" * 32)


class Store(SimpleNamespace):
    def __len__(self):
        return 1200


STORE = Store(folder="/archive", duration_s=7200.0, n_windows=9, generation=3, manifest=MANIFEST)


def match(start_s, end_s, *, key=1, path="/a.flac", is_sure=True):
    return SimpleNamespace(
        query_start_s=start_s, query_end_s=end_s, duration_s=end_s - start_s,
        reference_start_s=5.0, reference_end_s=5.0 + end_s - start_s, path=path,
        entry=SimpleNamespace(id=key, paths=(path,)), log_lr=8.2, line=Line(1.1, 0.0, 0.0),
        is_sure=is_sure, hit_cosine=0.9,
    )  # fmt: skip


def found(*matches, **others):
    return SearchResult(**{"unproven": (), "duration_s": 100.0, "matches": matches, **others})


def unproven(cosine, path, reason):
    return Unproven(SimpleNamespace(paths=(path, "\udcff")), 1.0, 2.0, cosine, reason)


def page(folder, result, *, query="day.mp3"):
    (folder / query).write_bytes(b"sound")
    search.write_search_report(folder / "page.html", folder / query, result, STORE)
    return Seen((folder / "page.html").read_text(encoding="utf-8"))


def test_a_page_tells_what_is_heard_when_and_how_it_was_altered(tmp_path):
    seen = page(tmp_path, found(match(10, 30), match(40, 60, key=2), match(70, 80)))
    assert "Found in the archive" in seen.words
    assert "3 stretches (2 recordings), 0:50.00 in all: 50% of the query." in seen.words
    assert "0:10.00–0:30.00" in seen.words and "3,600 (ln 8.2)" in seen.words
    assert "10.00% faster (tempo × 1.1000)" in seen.words
    assert "recordings: 1,200, hours: 2.0, windows of 10 s: 9" in seen.words
    assert f"cqtnet search /archive {tmp_path}/day.mp3" in seen.words


@pytest.mark.parametrize(("result", "words", "verdict"), [
    (found(), "Not in the archive", "different"),
    (found(match(1, 9, is_sure=False)), "Perhaps in the archive", "insufficient"),
    (found(match(1, 9), unproven=(unproven(0.95, "/b", "away"),)), "Not confirmed", "insufficient"),
    (found(problem="holds no sound at all"), "The query holds no sound at all.", "insufficient"),
])  # fmt: skip
def test_a_page_says_first_what_is_known(tmp_path, result, words, verdict):
    assert words in page(tmp_path, result).words
    assert f'class="verdict {verdict}"' in (tmp_path / "page.html").read_text()


def test_hostile_names_are_shown_and_do_nothing(tmp_path):
    candidate = unproven(-0.001, HOSTILE, "<b>why")
    seen = page(tmp_path, found(match(0, 9, path=HOSTILE), unproven=(candidate,)))
    assert not {"script", "i", "b"} & set(seen.tags)
    for words in ("<script>alert(1)<'\"&>\\u202egpj.wav", "<i>today</i>", "<b>why", "0.00"):
        assert words in seen.words


def test_short_matches_have_numbers_beside_their_bars_and_the_longest_heard_a_row(figures):
    figure = search.draw_time_line(found(match(10.0, 12.0), match(20.0, 70.0)))
    assert [text.get_text() for text in figure.axes[0].texts] == ["1", "2"]
    assert [text.get_ha() for text in figure.axes[0].texts] == ["left", "center"]
    heard = (match(i, i + 1 + i / 100, key=i, path=f"/{i}.flac") for i in range(30))
    figure = search.draw_time_line(found(*heard))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [f"{i}.flac" for i in range(6, 30)]
