"""A comparison as lines of text: the verdict first, then what it rests on."""

from verify.comparison import Comparison
from verify.results import Alignment
from verify.wording import Verdict, clock, ratio, warped

HEADLINES: dict[Verdict, str] = {
    "same": "SAME RECORDING",
    "different": "DIFFERENT RECORDINGS",
    "insufficient": "INSUFFICIENT EVIDENCE",
}


def tell(comparison: Comparison) -> list[str]:
    """The lines, the verdict first."""
    lines = [headline(comparison), *(f"  because {reason}" for reason in comparison.reasons)]
    evidence = comparison.evidence
    lines += [f"  A  {comparison.a.path}", f"  B  {comparison.b.path}"]
    if evidence is None:
        return lines
    alignment = evidence.alignment
    if comparison.verdict == "same" and alignment is not None:
        lines += [f"  where    {where(alignment)}", f"  altered  {altered(comparison)}"]
        lines += [f"  edit     {edit}" for edit in edited(comparison)]
    found = evidence.similarity
    side = "above" if found.cosine >= comparison.cosine_threshold else "below"
    lines.append(
        f"  cosine   {found.cosine:.3f}, {side} the threshold {comparison.cosine_threshold:.3f} "
        "at which that score alone errs equally often either way"
    )
    if alignment is not None and comparison.verdict == "same":
        lines.append(
            f"  aligned  correlation {alignment.correlation:.2f}, pieces within "
            f"{1000 * alignment.residual_s:.1f} ms of one line over {alignment.duration_s:.1f} s"
        )
    return lines


def headline(comparison: Comparison) -> str:
    """The verdict with its ratio.

    >>> headline(comparison)
    'SAME RECORDING  LR 3,600 (ln 8.2): strong support for the same recording rather than …'
    """
    head = HEADLINES[comparison.verdict]
    text = f"{head}  LR {ratio(comparison.log_lr)} (ln {comparison.log_lr:.1f}): "
    text += comparison.support
    if comparison.is_bounded:
        text += "; the bound of what the calibration supports"
    return text


def where(alignment: Alignment) -> str:
    """Which stretch of A is which of B."""
    return (
        f"{clock(alignment.a_start_s)} to {clock(alignment.a_end_s)} of A is "
        f"{clock(alignment.b_start_s)} to {clock(alignment.b_end_s)} of B"
    )


def altered(comparison: Comparison) -> str:
    """How A differs from B, as far as it was measured."""
    assert comparison.evidence is not None and comparison.evidence.alignment is not None
    parts = warped(comparison.evidence.alignment.line)
    waveform = comparison.waveform
    if waveform is not None:
        if waveform.inverted:
            parts.append("polarity reversed")
        if abs(waveform.gain_db) >= 0.5:
            parts.append(f"{abs(waveform.gain_db):.1f} dB {_side(waveform.gain_db)}")
        if not parts:
            parts.append("tempo, pitch, polarity and level as in B")
    return ", ".join(parts) or "tempo and pitch as in B"


def edited(comparison: Comparison) -> list[str]:
    """What was done between the stretches in common, with the places in A."""
    edits = comparison.edits.edits if comparison.edits else ()
    return [
        f"{clock(edit.a_start_s)} of A: {edit.words}" for edit in edits if edit.kind != "trimmed"
    ]


def _side(gain_db: float) -> str:
    return "louder" if gain_db > 0 else "quieter"
