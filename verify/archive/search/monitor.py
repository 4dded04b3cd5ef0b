"""What is heard of an archive in sound that arrives: each match once, with constant memory."""

from collections.abc import Iterable, Iterator

import numpy as np

from cqtnet.embed import Samples
from verify.archive.search.searcher import Searcher
from verify.archive.search.timeline import News, follow


def monitor(
    searcher: Searcher, blocks: Iterable[Samples], *, begins: bool = False
) -> Iterator[News]:
    """Each match once, when it has ended; with `begins` also when it was first heard.

    `blocks` are mono samples at 22,050 Hz, of any size, as they arrive. Times are those of the
    stream: second 0 is its first sample. Where sound was lost, give zeros for it, and the times
    that follow stay right; a match that goes on after half a minute at most is still one. Samples
    that are not finite are taken as silence. A match is told of `timeline.LATENCY_S` after it
    began or ended, at the latest.

    >>> for news in monitor(searcher, blocks):
    ...     print(news.match.path, news.match.query_start_s, news.match.query_end_s)
    """
    for news in follow(searcher, map(_finite, blocks)):
        if begins or news.kind == "ended":
            yield news


def _finite(block: Samples) -> Samples:
    """A block with zeros where it is not finite; its own copy where it is changed."""
    if np.isfinite(block).all():
        return block.astype(np.float32, copy=False)
    return np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
