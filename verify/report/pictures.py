"""The pictures of both recordings, each with words that say what is to be seen."""

from verify.report.markup import figure, section
from verify.report.similarity import draw_similarity
from verify.report.spectrograms import draw_spectrograms
from verify.report.view import MOST_S, View
from verify.report.warping import draw_warping


def pictures(view: View) -> str:
    """Spectra, similarity, tempo and pitch: as far as there is something to draw."""
    if view.a.problem and view.b.problem:
        return ""
    shown = (
        ""
        if view.is_whole
        else (
            f" Of recordings longer than {MOST_S / 60:g} minutes, a part around the place is shown."
        )
    )
    parts = [figure(draw_spectrograms(view), _spectra_words(view) + shown)]
    if view.line is not None:
        parts.append(figure(draw_similarity(view, view.line), _similarity_words(view)))
    parts.append(
        figure(
            draw_warping(view),
            "Along the stretches in common. Dots are pieces measured one by one, lines what was "
            "found for the whole stretch. A steady copy gives flat rows; drift or steps are a "
            "sign of a varying machine or of an edit. Pale dots agree little and count little.",
        )
    )
    return section("In pictures", *parts, name="pictures")


def _spectra_words(view: View) -> str:
    words = (
        "What is heard when: musical pitch upwards (84 semitones), time to the right, dark is "
        "loud. Each recording has its own clock. "
    )
    if view.stretches:
        return words + "Tinted and joined: the stretches that A and B have in common."
    return words + "No stretch was found that both have in common."


def _similarity_words(view: View) -> str:
    words = (
        "Each moment of A against each moment of B, A brought to the tempo and pitch that fit "
        "best. Where both sound the same for two seconds or more, a dark line runs. "
    )
    if view.stretches:
        return words + (
            "The pairs of coloured lines enclose what was found; shorter lines beside it are "
            "passages that the music repeats."
        )
    return words + (
        "Grey streaks are chance. The dashed lines enclose the place where A and B are "
        "least unlike."
    )
