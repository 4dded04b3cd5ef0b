"""Where sound lies in an archive: a moment, a long recording, a stream."""
