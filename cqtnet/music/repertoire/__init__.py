"""The styles a piece is drawn from."""

from cqtnet.music.repertoire.circuits import CIRCUITS
from cqtnet.music.repertoire.halls import HALLS
from cqtnet.music.repertoire.solos import SOLOS
from cqtnet.music.repertoire.songs import SONGS

STYLES = (*SONGS, *SOLOS, *CIRCUITS, *HALLS)
"""Every style; `brief.draw_brief` draws one by its weight."""
