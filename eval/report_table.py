"""The report as a table that people read: Markdown, which is also plain text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eval.metrics import Figure
from eval.report import Report, System


@dataclass(frozen=True)
class Column:
    """One column: its heading, the figure's key, and whether it is a share, shown in per cent."""

    heading: str
    key: str
    in_percent: bool = True


def errors_table(report: Report) -> str:
    """How often it errs and how sure that is, with a line on how to read it; fits a terminal."""
    return f"{_table(report, _error_columns(report))}\n\n{_reading(report)}\n"


def page(report: Report, *, pictures: Iterable[str] = ()) -> str:
    """The whole report in Markdown: both tables, and the pictures of these names."""
    shown_pictures = "".join(f"\n![{name}]({name}.png)\n" for name in pictures)
    return (
        f"# Verification report\n\n{errors_table(report)}\n"
        f"Costs, information, retrieval:\n\n{_table(report, _further_columns(report))}\n"
        f"{_notes(report)}{shown_pictures}"
    )


def shown(figure: Figure | None, *, in_percent: bool = False) -> str:
    """A figure with its 95 % interval in three digits; a dash where it cannot be had.

    >>> shown(Figure(0.02, 0.01, 0.045), in_percent=True)
    '2 [1, 4.5]'
    """
    if figure is None or figure.value is None:
        return "–"
    scale = 100.0 if in_percent else 1.0
    value, low, high = (
        None if x is None else f"{float(f'{scale * x:.3g}'):g}"
        for x in (figure.value, figure.low, figure.high)
    )
    if low is None:
        return f"{value}"
    if high is None:  # what was not seen could cost any number of bits
        return f"{value} [≥ {low}]"
    if figure.bound:
        return f"< {high}" if figure.value == 0 else f"> {low}"
    return f"{value} [{low}, {high}]"


def _table(report: Report, columns: Sequence[Column]) -> str:
    """A row for each condition and system, a column where any of them can fill it."""
    columns = [column for column in columns if _fillable(column, report)]
    rows = [["condition", "system", "same + other", *(column.heading for column in columns)]]
    for condition in report.conditions:
        for system in report.systems:
            if condition in system.metrics:
                measured = system.metrics[condition]
                counts = f"{measured.targets:,} + {measured.nontargets:,}"
                figures = _figures(system, condition)
                cells = (shown(figures.get(c.key), in_percent=c.in_percent) for c in columns)
                rows.append([condition, system.name, counts, *cells])
    return _aligned(rows)


def _error_columns(report: Report) -> list[Column]:
    options = report.options
    columns = [Column("EER %", "eer")]
    columns += [
        Column(f"miss % at FA {100 * rate:g} %", f"frr_at_far_{rate:g}")
        for rate in options.false_alarm_rates
    ]
    if options.threshold is not None:
        at = f"at {options.threshold:g}"
        columns += [Column(f"miss % {at}", "miss"), Column(f"FA % {at}", "false_alarm")]
    return [*columns, Column("Cllr", "cllr", in_percent=False), Column("top-1 %", "top1")]


def _further_columns(report: Report) -> list[Column]:
    columns = [Column("AUC", "auc", in_percent=False), Column("linear EER %", "eer_linear")]
    columns += [
        Column(f"{kind}DCF ({point})", f"{kind}_dcf_{point.key}", in_percent=False)
        for point in report.options.operating_points
        for kind in ("min", "act")
    ]
    columns += [
        Column("minCllr", "min_cllr", in_percent=False),
        Column("calibration loss", "calibration_loss", in_percent=False),
        Column("accuracy %", "accuracy"),
    ]
    depths = [Column(f"top-{depth} %", f"top{depth}") for depth in (5, 10)]
    ranks = [Column("MRR %", "mrr"), Column("mAP %", "mean_average_precision")]
    return [*columns, *depths, *ranks]


def _fillable(column: Column, report: Report) -> bool:
    """Whether any system has the figure under any condition."""
    figures = (
        _figures(s, condition).get(column.key) for s in report.systems for condition in s.metrics
    )
    return any(figure is not None and figure.value is not None for figure in figures)


def _figures(system: System, condition: str) -> Mapping[str, Figure]:
    """All figures of a condition by key, those of retrieval among them."""
    found = dict(system.metrics[condition].figures)
    if condition in system.retrieval:
        found |= system.retrieval[condition].figures
    return found


def _notes(report: Report) -> str:
    """What has to be known about some figures, each note with whom it concerns first."""
    notes: dict[str, str] = {}
    for system, condition, name, figure in report.rows():
        if figure.note:
            notes.setdefault(f"{name}: {figure.note}", f"{condition}, {system}")
    lines = [f"* {note} ({whose})" for note, whose in notes.items()]
    return (
        "\nNotes, each with the first row that it is about:\n\n" + "\n".join(lines) + "\n"
        if lines
        else ""
    )


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    rows = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _reading(report: Report) -> str:
    if report.options.resamples == 0:
        return "Without intervals: nothing was resampled."
    return (
        "FA: false alarms. In brackets: 95 % intervals, recordings resampled. `<`, `>`: no error "
        "seen, and with 95 % confidence not worse than that. `–`: too few pairs, or not stated."
    )
