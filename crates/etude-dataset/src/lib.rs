//! Releases, and import and export of foreign formats.
