"""Reports: self-contained HTML pages on a comparison (`page`) or on a search (`search`)."""
