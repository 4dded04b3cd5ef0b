"""Alterations of audio: arrays in, arrays out, every draw replayable, every time shift mapped.

An effect is drawn first and applied after. What was drawn is plain data that replays bit for
bit, and the result says where each moment came from. Names are listed in `__init__.pyi`, and
each is imported when it is first used.

>>> rng = np.random.default_rng(0)
>>> chain = draw_chain(rng, PAPER)
>>> altered = chain.apply(samples, 22050)  # altered.samples, altered.time_map
>>> Chain.from_json(chain.to_json()) == chain
True
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
