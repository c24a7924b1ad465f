//! Episodes in zarr arrays.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("zarr"), |data: &[u8]| etude_fuzz::zarr(data));
