"""Alter a recording in known ways and ask where each moment went.

python examples/planted_edits.py
"""

from augment import Chain, ColouredNoise, Cut, Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music


def main() -> None:
    chain = Chain((Cut(start_s=5.0, end_s=6.0), Tempo(1.25), ColouredNoise(snr_db=10.0, seed=1)))
    altered = chain.apply(make_music(7, duration_s=20.0), SAMPLE_RATE)
    for second in (2.0, 5.5, 16.0):
        print(f"{second:4.1f} s of the source is at {altered.time_map.to_output(second):5.2f} s")


if __name__ == "__main__":
    main()
