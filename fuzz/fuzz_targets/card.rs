//! Embodiment cards.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("card"), |data: &[u8]| etude_fuzz::card(data));
