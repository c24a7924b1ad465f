//! Measurements over episodes and datasets; rule sets that turn them into verdicts.
