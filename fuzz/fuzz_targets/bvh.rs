//! BVH motion capture.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("bvh"), |data: &[u8]| etude_fuzz::one_file(data, "made.bvh"));
