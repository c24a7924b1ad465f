//! The catalogue of a centre: episodes, layers, verdicts and releases in SQLite, files in a folder.
