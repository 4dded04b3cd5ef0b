"""Time maps in plain words."""

from augment.timemap import SLIVER_S, Span, TimeMap


def in_words(time_map: TimeMap, *, source_s: float, output_s: float) -> list[str]:
    """What became of the time of a recording of `source_s` seconds that is now `output_s` long.

    One line per stretch of the output, in its order, then one per stretch of the source that
    is no longer heard.

    >>> in_words(TimeMap.identity(20.0), source_s=20.0, output_s=20.0)
    ['0:00.000 to 0:20.000 is the source from 0:00.000 to 0:20.000']
    """
    lines: list[str] = []
    position_s = 0.0
    for span in time_map.spans:
        if span.out_start_s - position_s > SLIVER_S:
            lines.append(_foreign(position_s, span.out_start_s))
        lines.append(_own(span))
        position_s = span.out_end_s
    if output_s - position_s > SLIVER_S:
        lines.append(_foreign(position_s, output_s))
    missing = unheard(time_map, source_s=source_s)
    return lines + [f"{_stretch(start, end)} of the source is cut" for start, end in missing]


def unheard(time_map: TimeMap, *, source_s: float) -> list[tuple[float, float]]:
    """Stretches (start, end) of a source of `source_s` seconds that no span covers, ascending."""
    gaps: list[tuple[float, float]] = []
    heard_until_s = 0.0
    for span in sorted(time_map.spans, key=lambda span: span.source_start_s):
        if span.source_start_s - heard_until_s > SLIVER_S:
            gaps.append((heard_until_s, span.source_start_s))
        heard_until_s = max(heard_until_s, span.source_end_s)
    if source_s - heard_until_s > SLIVER_S:
        gaps.append((heard_until_s, source_s))
    return gaps


def _own(span: Span) -> str:
    speed = "" if abs(span.rate - 1) < 1e-6 else f", {span.rate:.4f} times as fast"
    out = _stretch(span.out_start_s, span.out_end_s)
    return f"{out} is the source from {_stretch(span.source_start_s, span.source_end_s)}{speed}"


def _foreign(start_s: float, end_s: float) -> str:
    return f"{_stretch(start_s, end_s)} is not from the source"


def _stretch(start_s: float, end_s: float) -> str:
    return f"{_clock(start_s)} to {_clock(end_s)}"


def _clock(time_s: float) -> str:
    """Minutes, seconds and milliseconds, with hours where there are any."""
    milliseconds = round(time_s * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
    return f"{hours}:{minutes:02d}:{seconds}" if hours else f"{minutes}:{seconds}"
