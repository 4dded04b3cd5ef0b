"""Where A is in B and how it was altered: in a table, and to be heard."""

from verify.comparison import Comparison
from verify.report.markup import Row, paragraph, player, section, table
from verify.report.players import sounds
from verify.report.view import View
from verify.results import Line
from verify.telling import altered
from verify.waveform import Waveform
from verify.wording import NO_CHANGE_SEMITONES, NO_CHANGE_TEMPO, clock

ONE_OF_SEVERAL = (
    "The ratio rests on the one alignment described here. The edit map below is finer: it says "
    "which parts of it really agree, and what else A and B have in common."
)


def findings(comparison: Comparison, view: View, *, audio: bool) -> str:
    """Where and how altered, with sounds where asked; nothing unless the verdict is "same"."""
    alignment = comparison.evidence.alignment if comparison.evidence else None
    if comparison.verdict != "same" or alignment is None:
        return ""
    line = alignment.line
    rows = [
        ("In A", _span(alignment.a_start_s, alignment.a_end_s)),
        ("In B", _span(alignment.b_start_s, alignment.b_end_s)),
        ("Altered", altered(comparison)),
        ("Tempo", tempo_words(line)),
        ("Pitch", pitch_words(line)),
        *_waveform_rows(comparison.waveform),
        ("Agreement", f"correlation {alignment.correlation:.2f} along the stretch, "
         f"{alignment.coherence:.2f} of the spectra; {alignment.inliers:.0%} of pieces within "
         f"50 ms of a straight line, typically {1000 * alignment.residual_s:.1f} ms from it"),
    ]  # fmt: skip
    players = ""
    if audio:
        heard = (player(s.uri, f"{s.name}, {_span(s.start_s, s.end_s)}") for s in sounds(view))
        players = f'<div class="players">{"".join(heard)}</div>'
    several = comparison.edits is not None and len(comparison.edits.stretches) > 1
    note = ONE_OF_SEVERAL if several else ""
    title = "Where A lies in B, and how A differs"
    return section(title, paragraph(note), table(rows), players, name="findings")


def tempo_words(line: Line) -> str:
    """Tempo as a factor and in percent."""
    change = line.tempo - 1
    if abs(change) < NO_CHANGE_TEMPO:
        return f"as in B (factor {line.tempo:.4f})"
    side = "faster" if change > 0 else "slower"
    words = f"factor {line.tempo:.4f}: A plays {abs(change):.2%} {side} than B"
    return words + ("; together with the pitch, as a change of speed" if line.is_speed else "")


def pitch_words(line: Line) -> str:
    """Pitch in semitones and cents."""
    shift = line.shift_semitones
    if abs(shift) < NO_CHANGE_SEMITONES:
        return f"as in B (within {100 * NO_CHANGE_SEMITONES:.0f} cents)"
    side = "higher" if shift > 0 else "lower"
    return f"A sounds {abs(shift):.2f} semitones ({100 * abs(shift):.0f} cents) {side} than B"


def _waveform_rows(waveform: Waveform | None) -> list[Row]:
    if waveform is None:
        hidden = "cannot be told: the waveforms could not be laid on each other"
        return [("Polarity, level", hidden)]
    louder = "louder" if waveform.gain_db >= 0 else "quieter"
    return [
        ("Polarity", "reversed" if waveform.inverted else "as in B"),
        ("Level", f"A is {abs(waveform.gain_db):.1f} dB {louder} than B"),
        ("Waveform", f"samples of A and B correlate by {waveform.correlation:.3f}; the beginning "
         f"of A lies at {waveform.offset_s:.4f} s of B"),
    ]  # fmt: skip


def _span(start_s: float, end_s: float) -> str:
    return f"{clock(start_s)} to {clock(end_s)} ({end_s - start_s:.2f} s)"
