"""Whether recordings are the same: found by embedding, proved by alignment, stated as a ratio.

The public names are those of `__all__`; each is imported when it is first used.

>>> verify.compare("questioned.m4a", "reference.wav").verdict
'same'
>>> with verify.Archive.open_or_create("archive") as archive:
...     archive.add(["recordings/"])
...     archive.search("fragment.wav").matches
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
