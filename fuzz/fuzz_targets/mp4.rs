//! MP4 files and their index.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("mp4"), |data: &[u8]| etude_fuzz::mp4(data));
