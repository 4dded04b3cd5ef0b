"""The pages in a real browser: compare, search, voice; keys, tabs, a restart, a long file."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.workbench.browser import Page, browsing, need_browser
from tests.workbench.serving import ROOT, TOKEN, Serving

need_browser()


@pytest.fixture(scope="module")
def browser():
    with browsing() as one:
        yield one


@pytest.fixture(scope="module")
def context(browser, serving):
    context = browser.new_context()
    Page(context, serving).log_in(TOKEN).tab.close()
    return context


@pytest.fixture
def page(context, serving):
    one = Page(context, serving).open()
    yield one
    assert one.problems == [] and one.outside() == []
    one.tab.close()


@pytest.fixture
def compared(page, recordings):
    page.send(a=recordings / "fragment.flac", b=recordings / "one.flac")
    page.wait(".player-box")
    page.until(lambda: page.player("audio.b.readyState") > 0)
    return page


def test_the_scripts_are_small_and_load_nothing_from_elsewhere():
    scripts = list((ROOT / "workbench/static").glob("*.js"))
    assert sum(script.stat().st_size for script in scripts) <= 40_000
    assert not any("https://" in script.read_text() for script in scripts)


def test_two_recordings_are_compared_and_every_stretch_is_a_click_away(compared):
    assert "same recording" in compared.text("h1:has-text('support')")
    assert "Likelihood ratio" in compared.text(".verdict")
    compared.until(lambda: compared.player("tiles.size") > 0)
    before = compared.player("from")
    compared.tab.click(".lists button.link >> nth=0")
    assert compared.player("from") != before and compared.player("atA") < 0.5
    compared.tab.reload()
    compared.wait(".player-box")  # is there again
    with compared.tab.expect_download() as download:
        compared.tab.click("text=Audacity labels")
    assert download.value.suggested_filename == "labels.txt"
    with compared.tab.expect_download(timeout=300_000) as download:
        compared.tab.click("text=Report, HTML")
    assert "cqtnet compare" in Path(download.value.path()).read_text()


def test_keys_play_change_sides_at_the_same_moment_and_leave(compared):
    stage = compared.tab.locator(".stage")
    stage.focus()
    compared.tab.keyboard.press("Space")
    compared.until(lambda: compared.player("audio.a.currentTime") > 1)
    compared.tab.keyboard.press("Tab")
    assert compared.text(".told") == "Hearing B: one.flac"
    tab = compared.tab
    compared.until(lambda: compared.player("audio.b.currentTime") > 6.5)
    a, b, muted = tab.evaluate("""() => {
        const player = document.querySelector('.stage').player;
        return [player.audio.a.currentTime, player.audio.b.currentTime, player.audio.a.muted];
    }""")
    assert muted and a * 1.1 + 5 == pytest.approx(b, abs=0.1)  # as it was planted
    tab.keyboard.press("Space")
    assert not compared.player("isPlaying")
    tab.keyboard.press("Escape")
    assert tab.evaluate("document.activeElement.textContent") == "Play"
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Hear A", "Tab is Tab elsewhere"
    stage.focus()
    tab.keyboard.press("Shift+Tab")
    assert tab.evaluate("document.activeElement.className") != "stage"


def test_b_is_heard_at_the_tempo_and_pitch_of_a_and_a_stretch_is_looped(compared):
    tab = compared.tab
    tab.click("text=B as A")
    compared.until(lambda: "of A" in compared.text(".told"))
    compared.until(lambda: compared.player("fitted.audio.readyState") > 0)
    length = compared.player("stretches[0].a_end_s") - compared.player("stretches[0].a_start_s")
    assert compared.player("fitted.audio.duration") == pytest.approx(length, abs=0.05)
    tab.click("button:text('Hear A')")
    tab.click("button:text('Loop')")
    tab.evaluate("""() => {
        const player = document.querySelector('.stage').player;
        player.seek(player.stretches[0].a_end_s - 0.4, 'a');
    }""")
    compared.until(lambda: compared.player("atA") < 2)
    tab.click("text=Pause")


def test_a_fragment_is_found_and_heard_beside_its_reference(page, recordings):
    page.open("/search").send(file=recordings / "fragment.flac")
    page.wait(".matches button")
    assert "FOUND in 1 of 1" in page.text(".result")
    page.tab.click(".matches button")
    page.wait(".player-box")
    assert page.text(".lists").count("–") >= 2
    assert page.violations() == {}


def test_a_voice_is_judged_with_its_curve(page, recordings):
    page.open("/voice").send(file=recordings / "fragment.flac")
    page.wait(".curve")
    assert page.tab.locator(".curve .score").count() > 3
    assert page.text(".verdict").strip()
    assert page.violations() == {}


def test_recordings_are_added_to_the_archive_and_removed_again(page, recordings):
    page.open("/archive").send(file=recordings / "two.flac")
    page.wait(".result a")
    page.tab.click(".result a")
    page.wait("text=two.flac")
    page.tab.on("dialog", lambda dialog: dialog.accept())
    with page.tab.expect_navigation(timeout=300_000):  # what is clicked while it loads is lost
        page.tab.click("tr:has-text('two.flac') button")
    assert page.tab.locator("td:has-text('two.flac')").count() == 0
    page.tab.click("text=Look for them")
    page.wait("text=No two recordings have anything in common")
    assert page.violations() == {}
    page.tab.set_viewport_size({"width": 390, "height": 844})
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_nobody_is_kept_out_by_colours_or_missing_labels(compared):
    compared.tab.evaluate(
        "document.querySelectorAll('details').forEach((one) => (one.open = true))"
    )
    for path in (None, "/docs", "/"):
        if path:
            compared.open(path)
        for scheme, width in (("light", 1280), ("dark", 390)):
            compared.tab.set_viewport_size({"width": width, "height": 900})
            compared.tab.emulate_media(color_scheme=scheme)
            assert compared.violations() == {}, (path, scheme)
            assert compared.tab.evaluate("document.documentElement.scrollWidth") <= width, path


def test_two_tabs_work_at_once_and_a_job_can_be_cancelled(context, serving, recordings, page):
    other = Page(context, serving).open()
    page.send(a=recordings / "fragment.flac", b=[recordings / "one.flac"] * 3)
    other.send(a=recordings / "fragment.flac", b=recordings / "two.flac")
    page.tab.bring_to_front()
    page.tab.click("#jobs .job >> nth=2 >> button")
    page.wait(".job.failed:has-text('cancelled')")
    page.wait("article:nth-child(2) .player-box")
    other.tab.bring_to_front()
    other.wait(".player-box")
    assert other.problems == []
    other.tab.close()


def test_after_a_restart_the_page_says_what_to_do(browser, recordings):
    with Serving() as first, browser.new_context() as context:
        page = Page(context, first).log_in(TOKEN)
        page.send(a=recordings / "fragment.flac", b=[recordings / "one.flac"] * 4)
        page.wait(".job progress")
        port = first.host.rpartition(":")[2]
        first.process.kill()
        first.process.wait()
        with Serving("--port", port) as again:
            page.wait(".job.failed:has-text('started anew')")
            assert again.address == first.address
            page.tab.reload()
            assert "does not know this browser" in page.text("h1")


def test_a_long_recording_can_be_zoomed_and_played(page, recordings, tmp_path):
    """The tiles of a long recording are made where one looks."""
    rng = np.random.default_rng(1)
    one, rate = soundfile.read(recordings / "one.flac", dtype="int16")
    with soundfile.SoundFile(tmp_path / "long.wav", "w", rate, 1, "PCM_16") as file:
        for minute in range(11):
            file.write(rng.normal(0, 300, 40 * rate).astype("<i2"))
            file.write(one if minute == 7 else one[::-1] // 2)
    page.send(a=recordings / "fragment.flac", b=tmp_path / "long.wav")
    page.wait(".player-box")
    assert "same recording" in page.text("h1:has-text('support')")
    assert page.player("stretches[0].b_start_s") == pytest.approx(7 * 60 + 40 + 5, abs=0.1)
    assert page.player("to") - page.player("from") < 60, "it shows the place at once"
    page.tab.locator(".stage").focus()
    page.tab.keyboard.press("Home")
    assert page.player("to") - page.player("from") == pytest.approx(660, rel=0.01)
    page.until(lambda: page.player("tiles.size") > 1)
    page.tab.evaluate("document.querySelector('.stage').player.seek(600, 'b')")
    page.tab.keyboard.press("Tab")
    page.tab.keyboard.press("Space")
    page.until(lambda: page.player("audio.b.currentTime") > 601)
    page.tab.keyboard.press("Space")
