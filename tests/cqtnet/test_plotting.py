import numpy as np
from matplotlib.colors import to_rgb

from cqtnet.plotting import as_png, as_svg, blank, letter_lines, looks, percent, percent_number


def test_looks_differ_without_their_letters_and_neighbours_in_dashes_and_grey():
    assert len({(look.colour, look.dashes) for look in looks(35)}) == 35
    assert len({look.letter for look in looks(60)}) == 60
    assert [look.letter for look in looks(28)][-3:] == ["Z", "AA", "AB"]
    for one, other in zip(looks(7), looks(7)[1:], strict=False):
        assert one.dashes != other.dashes
        greys = [np.dot(to_rgb(look.colour), (0.299, 0.587, 0.114)) for look in (one, other)]
        assert abs(greys[0] - greys[1]) > 0.03


def letters_on(*lines, avoid=None):
    """How far right the letter of each of these diagonals stands, in shares of the axes."""
    axes = blank(4.0).subplots()
    for x in lines:
        axes.plot(x, x)
    letter_lines(axes, looks(len(lines)), [(x, x) for x in lines], avoid=avoid or [])
    return [text.get_position()[0] for text in axes.texts if len(text.get_text()) == 1]


def test_letters_stand_side_by_side_clear_of_marks_whatever_the_limits():
    x = np.linspace(0, 1, 50)
    one, other = letters_on(x, x)
    assert abs(one - other) > 0.04, "the lines lie on each other"
    (clear,) = letters_on(x, avoid=[(0.5, 0.5)])
    assert abs(clear - 0.5) > 0.1
    assert len(letters_on(200 + 100 * x)) == 1, "limits are not settled before drawing"


def test_percentages_and_ticks_are_written_out():
    rates = (0.0777, 0.00001, 0.5, 1.0, 0.0, 1 / 3)
    written = ["7.77", "0.001", "50", "100", "0", "33.3"]
    assert [percent(rate).removesuffix("\N{NO-BREAK SPACE}%") for rate in rates] == written
    ticks = [percent_number(rate) for rate in (1e-6, 0.001, 0.07, 0.999)]
    assert ticks == ["0.0001", "0.1", "7", "99.9"]


def test_names_are_no_formulas():
    for write in (as_png, as_svg):
        figure = blank(3.0)
        axes = figure.subplots()
        axes.plot([0, 1], label=r"$\frac{ 5 $")
        axes.set_xticks([0, 1], ["$a$", r"$\x"])
        axes.set_title("cost in $ or $x")
        axes.legend()
        assert write(figure, "a name").uri.startswith("data:image")
