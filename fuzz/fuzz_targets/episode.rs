//! Our own episode files: read, checked, recovered.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("episode"), |data: &[u8]| etude_fuzz::episode(data));
