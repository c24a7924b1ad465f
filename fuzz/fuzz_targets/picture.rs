//! PNG and JPEG pictures.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("picture"), |data: &[u8]| etude_fuzz::picture(data));
