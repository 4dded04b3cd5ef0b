"""The workbench in docs/figures.md: python -m tests.workbench.timing [MINUTES]."""

import statistics
import sys
import tempfile
import time
import wave
from pathlib import Path

import soundfile

from cqtnet.music import make_music
from tests.workbench.browser import Page, browsing
from tests.workbench.serving import ROOT, TOKEN, Serving, wait_for, write_recordings

TIMES = 5
SWITCH = """async () => {
    const player = document.querySelector('.stage').player;
    const times = [];
    for (let i = 0; i < 20; i++) {
        await new Promise((go) => setTimeout(go, 400));
        const begin = performance.now();
        player.key(new KeyboardEvent('keydown', { key: 'Tab' }));
        const heard = player.audible();
        while (heard.muted || heard.paused || heard.seeking) {
            await new Promise((go) => setTimeout(go));
        }
        times.push(performance.now() - begin);
    }
    return times;
}"""
AWAY = """() => {
    const player = document.querySelector('.stage').player;
    return 1000 * Math.abs(player.others()[0].currentTime - player.wanted(player.others()[0]));
}"""


def memory_mb(pid):
    """Megabytes of a process, what it shares with others divided among them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1000
    raise AssertionError("the kernel does not tell")


def server_mb(serving):
    """Megabytes of the server and its worker."""
    pid = serving.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(map(memory_mb, [pid, *children]))


def tab_mb(browser):
    """Megabytes of the pages of a browser."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    return max(memory_mb(one["id"]) for one in processes if one["type"] == "renderer")


def answer_times(page, folder):
    """Seconds to the first progress, and to the verdict, of two files of 20 s."""
    page.open("/")
    page.tab.set_input_files("#a", str(folder / "one.flac"))
    page.tab.set_input_files("#b", str(folder / "two.flac"))
    begin = time.monotonic()
    page.tab.click("#ask button.main")
    page.wait(".job .stage")
    first = time.monotonic() - begin
    page.wait(".verdict")
    return first, time.monotonic() - begin


def look_at_a_long_file(page, browser, folder, minutes):
    """Zoom and play a recording of so many minutes; what it took."""
    piece = (make_music(8, duration_s=60.0) * 32767).astype("<i2")
    fragment, rate = soundfile.read(folder / "one.flac", dtype="int16")
    with wave.open(str(folder / "long.wav"), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        for _ in range(minutes - 1):
            file.writeframes(piece.tobytes())
        file.writeframes(fragment.tobytes())
    begin = time.monotonic()
    page.open("/").send(a=folder / "fragment.flac", b=folder / "long.wav")
    page.wait(".player-box", timeout_s=3600)
    taken_s = time.monotonic() - begin
    page.tab.locator(".stage").focus()
    page.tab.keyboard.press("Home")
    zooms = []
    for _ in range(12):
        page.tab.keyboard.press("+")
        begin = time.monotonic()
        page.until(lambda: page.tab.evaluate(
            "[...document.querySelector('.stage').player.tiles.values()].every((i) => i.complete)"
        ))  # fmt: skip
        zooms.append(time.monotonic() - begin)
    page.tab.evaluate("document.querySelector('.stage').player.seek(60, 'b')")
    page.tab.keyboard.press("Tab")
    page.tab.keyboard.press("Space")
    page.until(lambda: page.player("audio.b.currentTime") > 65)
    page.tab.keyboard.press("Space")
    print(f"{minutes} min of B: answer in {taken_s:.0f} s; zoom, all tiles there: "
          f"{1000 * statistics.median(zooms):.0f} ms, at most {1000 * max(zooms):.0f} ms; the page "
          f"takes {tab_mb(browser):.0f} MB")  # fmt: skip


def many_jobs(browser, serving, folder):
    """Twenty jobs of five tabs: in their order, and none lost."""
    context = browser.new_context()
    tabs = [Page(context, serving).log_in(TOKEN) for _ in range(1)]
    tabs += [Page(context, serving).open("/") for _ in range(4)]
    begin = time.monotonic()
    for tab in tabs:
        tab.send(a=folder / "fragment.flac", b=[folder / "one.flac"] * 4)
        tab.wait(".job")
    with serving.client() as client:
        sent = [job for job in client.get("/api/v1/jobs").json()["jobs"]][-20:]
        done = [wait_for(client, job)["state"] for job in sent]
    for tab in tabs:
        tab.tab.bring_to_front()
        tab.until(lambda tab=tab: tab.tab.locator("article .player-box").count() == 4)
    print(
        f"20 jobs of 5 tabs: {done.count('done')} done and shown, {time.monotonic() - begin:.0f} s"
    )
    context.close()


def main(minutes):
    """Print each figure."""
    with tempfile.TemporaryDirectory() as name, Serving() as serving, browsing() as browser:
        folder = write_recordings(Path(name))
        scripts = sum(one.stat().st_size for one in (ROOT / "workbench/static").glob("*.js"))
        print(f"scripts: {scripts / 1000:.1f} kB")
        time.sleep(10)
        print(f"server, idle: {server_mb(serving):.0f} MB")
        page = Page(browser.new_context(), serving).log_in(TOKEN)
        answer_times(page, folder)  # the first one warms up
        firsts, answers = zip(*(answer_times(page, folder) for _ in range(TIMES)), strict=True)
        print(f"two files of 20 s: first progress {statistics.median(firsts):.2f} s, verdict "
              f"{statistics.median(answers):.2f} s (median of {TIMES}), at most "
              f"{max(firsts):.2f} s and {max(answers):.2f} s")  # fmt: skip
        page.open("/").send(a=folder / "fragment.flac", b=folder / "one.flac")
        page.wait(".player-box")
        page.tab.locator(".stage").focus()
        page.tab.keyboard.press("Space")
        page.until(lambda: page.player("audio.a.currentTime") > 1)
        page.player("setLoop(true)")
        times = page.tab.evaluate(SWITCH)
        print(f"change between A and B: {statistics.median(times):.1f} ms, at most "
              f"{max(times):.1f} ms; then {page.tab.evaluate(AWAY):.0f} ms apart")  # fmt: skip
        page.tab.keyboard.press("Space")
        many_jobs(browser, serving, folder)
        look_at_a_long_file(page, browser, folder, minutes)
        time.sleep(5)
        print(f"server, after all that: {server_mb(serving):.0f} MB")
        assert page.outside() == []
        print("requests to other places: 0")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
