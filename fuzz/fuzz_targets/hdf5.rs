//! HDF5 files of every layout, alone or in a dataset's folders.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("hdf5"), |data: &[u8]| etude_fuzz::hdf5(data));
