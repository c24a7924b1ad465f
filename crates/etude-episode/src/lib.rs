//! The episode file: write, recover, read, conform, align to a table.
