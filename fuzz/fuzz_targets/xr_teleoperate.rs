//! Episodes of `xr_teleoperate`.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("xr_teleoperate"), |data: &[u8]| etude_fuzz::in_folder(data, "data.json"));
