"""How recordings in files are decoded, within limits; `cqtnet.audio` is the way in for users.

It stands in the lowest package because effects that bring in other recordings need it too.
"""
