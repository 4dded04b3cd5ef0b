"""The workbench: a local page and an HTTP interface to compare, search and listen to recordings."""
