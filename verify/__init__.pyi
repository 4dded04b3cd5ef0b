from .archive.archive import Archive
from .archive.duplicates import Pair
from .archive.results import Entry, Match, SearchResult
from .comparison import Comparer, compare
from .edits import EditMap
from .notebook import to_frame
from .recording import Recording
from .results import Alignment, Comparison

# fmt: off
__all__ = [
    "Alignment", "Archive", "Comparer", "Comparison", "EditMap", "Entry", "Match", "Pair",
    "Recording", "SearchResult", "compare", "to_frame",
]
# fmt: on
