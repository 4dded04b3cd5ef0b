"""Features of the detectors: functions of mono float32 samples and their rate, giving float32.

Too short a clip raises `InputError`; silence and DC give finite numbers.
"""
