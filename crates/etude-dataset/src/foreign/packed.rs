//! Compressed chunks: unpacked up to the size that they state, and never beyond a ceiling.

use std::io::{self, Read};

/// The largest chunk that is read, packed or unpacked, bytes.
pub(crate) const MAX_CHUNK_BYTES: u64 = 128 << 20;

/// Unpacks a chunk as far as it goes; the second half says why not all of it.
pub(crate) fn unpack(compression: &str, packed: &[u8], stated: u64) -> (Vec<u8>, Option<String>) {
    if stated > MAX_CHUNK_BYTES {
        return (
            Vec::new(),
            Some(format!("it states {stated} bytes unpacked, at most {MAX_CHUNK_BYTES} are read")),
        );
    }
    match compression {
        "" | "none" => {
            let short = (packed.len() as u64 != stated).then(|| short(packed.len(), stated));
            (packed.to_vec(), short)
        }
        "zstd" => match zstd::stream::read::Decoder::with_buffer(packed) {
            Ok(decoder) => read(decoder, stated),
            Err(error) => (Vec::new(), Some(error.to_string())),
        },
        "lz4" => read(lz4_flex::frame::FrameDecoder::new(packed), stated),
        "bz2" => read(bzip2::bufread::MultiBzDecoder::new(packed), stated),
        other => (Vec::new(), Some(format!("its compression `{other}` is not read"))),
    }
}

fn short(found: usize, stated: u64) -> String {
    format!("expected {stated} bytes, found {found}")
}

fn read(mut decoder: impl Read, stated: u64) -> (Vec<u8>, Option<String>) {
    let mut bytes = Vec::new();
    let result: io::Result<usize> = decoder.by_ref().take(stated + 1).read_to_end(&mut bytes);
    match result {
        Err(error) => {
            bytes.truncate(stated as usize);
            (bytes, Some(error.to_string()))
        }
        Ok(_) if bytes.len() as u64 > stated => {
            bytes.truncate(stated as usize);
            (bytes, Some(format!("it unpacks to more than the {stated} bytes that it states")))
        }
        Ok(_) => {
            let problem = (bytes.len() as u64 != stated).then(|| short(bytes.len(), stated));
            (bytes, problem)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_gives_no_more_than_it_states() {
        let bomb = zstd::bulk::compress(&vec![0; 50 << 20], 1).expect("packed");
        assert!(bomb.len() < 10_000);
        let (bytes, problem) = unpack("zstd", &bomb, 100);
        assert_eq!(bytes.len(), 100);
        assert!(problem.expect("a problem").contains("more than the 100 bytes"));
        assert!(unpack("zstd", &bomb, u64::MAX).1.is_some());
    }

    #[test]
    fn a_chunk_that_was_cut_gives_its_beginning() {
        let text: Vec<u8> =
            (0..2_000_000u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
        let packed = zstd::bulk::compress(&text, 1).expect("packed");
        let (bytes, problem) = unpack("zstd", &packed[..packed.len() / 2], text.len() as u64);
        assert!(problem.is_some() && bytes.len() > text.len() / 4);
        assert_eq!(bytes, text[..bytes.len()]);
    }
}
