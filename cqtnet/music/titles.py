"""Two-word names for pieces."""

from __future__ import annotations

import numpy as np

from cqtnet.music.draws import pick

_FIRST = """
amber ancient autumn azure bitter blue bold brass bright broken calm candid clear cloudy coastal
cobalt cold copper coral crimson crooked curious daring dark deep distant double dusty early
easy electric emerald empty endless evening faded faint fallen false familiar far fast favourite
final foggy folded foreign forgotten fragile frozen gentle giant gilded glass golden granite
green grey half hazy heavy hidden high hollow honest humble idle indigo inner iron ivory jagged
late lazy light little lonely long lost loud lucky lunar marble mellow midnight mild misty
modest morning narrow nearby neon new noble northern odd old only open orange other outer pale
paper patient pearl plain polar private proud quick quiet rainy random rare red restless rising
rough round royal ruby rusty sacred salty scarlet second secret sharp short shy silent silver
simple sleepy slow small smooth snowy soft solar southern spare square steady steep still stolen
stormy strange sudden sunken sunny sweet tall tender thin third tidal tiny twin upper urban
velvet violet wandering warm western white wide wild winter wooden yellow young
"""
_SECOND = """
alley anchor angle answer apple arcade arrow atlas attic avenue balcony bay beacon bell bench
boat bridge brook cabin canal candle canyon castle cellar chapel circle city clock cloud coast
comet compass corner corridor courtyard crane creek crossing crown current dance dawn delta
desert diary door dream drift dune echo ember engine evening feather ferry field fire flame
flight forest fountain fox gallery garden gate glacier glance grove harbour harvest hill horizon
hotel hour house island journey jungle kettle key kite ladder lagoon lake lamp lantern letter
library lily line machine map market meadow memory message mill mirror moon mosaic motor
mountain museum night oak ocean orbit orchard owl palace park passage path pavement pebble pier
pilot pine planet platform pocket pond promise quarry quarter rail rain reef ribbon river road
roof room rose sail season shadow shell shore signal sky sleeper smoke snow song spark spiral
spring square staircase star station step stone storm stream street summer sun swan table tale
tide tower trail train tunnel valley village voice voyage wall water wave wheel wind window wing
wire wonder wood word yard year
"""


def draw_title(rng: np.random.Generator) -> str:
    """A name of two words, for example `Amber Harbour`."""
    return f"{pick(rng, _FIRST.split()).title()} {pick(rng, _SECOND.split()).title()}"
