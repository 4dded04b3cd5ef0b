"""What a figure shows, read back from it."""

from matplotlib.text import Text


def line(axes, label):
    """The one line of that label."""
    (found,) = [drawn for drawn in axes.lines if drawn.get_label() == label]
    return found


def legend(figure):
    """The text of the legend, a row per line, unwrapped."""
    (found,) = figure.legends
    rows = [text.get_text().replace("\n    ", " ") for text in found.get_texts()]
    return "\n".join(rows).replace("\N{NO-BREAK SPACE}", " ")


def letters(axes):
    """Where each letter stands, in shares of the axes."""
    return {
        text.get_text(): text.get_position()
        for text in axes.texts
        if len(text.get_text()) == 1 and text.get_transform() == axes.transAxes
    }


def texts(figure):
    """Every text that is seen."""
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
