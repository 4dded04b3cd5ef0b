"""Test sets made from recordings: drawn from a seed, kept as a plan, written to be scored.

>>> surveys, skipped = survey(items, root=Path("music"))
>>> plan = draw_plan(surveys, "paper-tempo", seed=0)
>>> write_sets([plan], root=Path("music"), out=Path("sets"))
>>> read_trials("sets/paper-tempo.csv")
"""

from eval.protocols.catalogue import PROTOCOLS
from eval.protocols.draw import draw_plan
from eval.protocols.plan import Plan, Source, read_plan
from eval.protocols.survey import Survey, survey
from eval.protocols.write import write_sets

__all__ = [
    "PROTOCOLS", "Plan", "Source", "Survey", "draw_plan", "read_plan", "survey", "write_sets",
]  # fmt: skip
