//! A headset's motion as A-Frame records it.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("aframe"), |data: &[u8]| etude_fuzz::one_file(data, "made.json"));
