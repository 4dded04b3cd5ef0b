"""What was compared: both files as they are, and how good they are."""

from cqtnet.audio import SILENCE_DBFS
from verify.quality import HIGHEST_EDGE_HZ, Quality, quality_of
from verify.recording import Item, Recording
from verify.report.markup import Row, paragraph, section, table
from verify.wording import clock

LOOKED_S = 600.0
"""Of longer recordings, so much from the beginning is looked at."""
MINUS = "\N{MINUS SIGN}"
LEAST_CLIPPED = 1e-4
"""Share of samples on flat tops that is told: single ones are chance."""


def items(a: Recording, b: Recording) -> str:
    """Both recordings side by side."""
    files = [_file_rows(x.item) for x in (a, b)]
    qualities = [_quality_rows(x) for x in (a, b)]
    rows = [
        (name, one, other)
        for sides in (files, qualities)
        for (name, one), (_, other) in zip(*sides, strict=True)
    ]
    looked = f"the first {LOOKED_S / 60:g} minutes of " if _is_long(a) or _is_long(b) else ""
    return section(
        "The two recordings",
        table(rows, head=("", "A, questioned", "B, reference"), kind="items"),
        paragraph(
            f"Level, clipping, bandwidth and quiet parts were measured on {looked}what is "
            "compared: one channel at 22,050 Hz. dBFS: decibels under full scale, which is 0."
        ),
        name="items",
    )


def _is_long(recording: Recording) -> bool:
    return recording.duration_s > LOOKED_S


def _file_rows(item: Item) -> list[Row]:
    channels = {1: "1 channel", 2: "2 channels"}.get(item.channels, f"{item.channels} channels")
    return [
        ("File", item.path),
        ("SHA-256", item.sha256),
        ("Duration", f"{clock(item.duration_s)} ({item.duration_s:,.2f} s)"),
        ("Format", f"{item.format}, {item.codec}"),
        ("Sampling", f"{item.sample_rate:,} Hz, {channels}"),
        ("Decoding", "; ".join(item.notes) or "nothing unusual"),
    ]


def _quality_rows(recording: Recording) -> list[Row]:
    samples = recording.samples(0.0, min(recording.duration_s, LOOKED_S))
    names = ("Level", "Clipping", "Bandwidth", "Quiet parts")
    if not samples.size:
        return [(name, "no samples") for name in names]
    quality = quality_of(samples)
    return list(zip(names, quality_words(quality), strict=True))


def quality_words(quality: Quality) -> tuple[str, str, str, str]:
    """Level, clipping, bandwidth and quiet parts in words."""
    if quality.peak_dbfs <= SILENCE_DBFS:
        return "silence", "none", "nothing to measure", "silence throughout"
    clipped = "none seen"
    if quality.clipped >= LEAST_CLIPPED:
        clipped = f"about {100 * quality.clipped:.2g} % of samples lie on flat tops"
    band = f"no upper limit seen below {HIGHEST_EDGE_HZ / 1000:.1f} kHz"
    if not quality.is_full_band:
        band = f"falls off steeply at {quality.bandwidth_hz / 1000:.1f} kHz"
    words = (
        f"peak {quality.peak_dbfs:.1f} dBFS, mean (RMS) {quality.rms_dbfs:.1f} dBFS",
        f"{quality.floor_dbfs:.1f} dBFS, {quality.range_db:.1f} dB under the loud ones",
    )
    level, band, quiet = (part.replace("-", MINUS) for part in (words[0], band, words[1]))
    return level, clipped, band, quiet
