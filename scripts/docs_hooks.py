"""What MkDocs asks while it makes the site: the tables of JSON keys."""
