"""Find where a fragment is most similar to a recording.

python examples/similarity.py fragment.wav recording.mp3
"""

import sys

from cqtnet.embed import Embedder
from verify.cosine import best_hit


def main(fragment: str, recording: str) -> None:
    embedder = Embedder.named("default")
    found = best_hit(embedder, embedder.trace_file(fragment), embedder.trace_file(recording))
    print(f"cosine {found.cosine:.3f} at {found.start_b_s:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:3])
