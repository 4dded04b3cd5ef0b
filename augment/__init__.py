"""Alterations of audio: arrays in, arrays out, every draw replayable, every time shift mapped."""
