"""An archive on disk, so kept that what was acknowledged is safe."""
