//! Sound beside an episode of `xr_teleoperate`: what of it there is, as none of it comes in.

use super::super::picture::read_file;
use super::super::records::{Ledger, counted};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;

/// Microphones of an episode.
const MAX_MICROPHONES: usize = 64;

/// Pieces of sound that frames name. An episode has no place for them, so that their amount is told.
#[derive(Default)]
pub(super) struct Sounds {
    /// By microphone: pieces, bytes of samples, pieces that are not there.
    amounts: BTreeMap<String, (u64, u64, u64)>,
}

impl Sounds {
    /// Takes the sounds out of a frame: `audios/audio_000000_mic0.npy`.
    pub(super) fn take(&mut self, frame: &mut Json, folder: &Path) {
        let Some(named) = frame.get_mut("audios").and_then(Json::as_object_mut) else { return };
        for (microphone, path) in named.iter() {
            let Some(path) = path.as_str() else { continue };
            if self.amounts.len() >= MAX_MICROPHONES && !self.amounts.contains_key(microphone) {
                continue;
            }
            let amount = self.amounts.entry(microphone.clone()).or_default();
            amount.0 += 1;
            match samples_bytes(folder, path) {
                Some(bytes) => amount.1 += bytes,
                None => amount.2 += 1,
            }
        }
        named.retain(|_, path| !path.is_string());
    }

    pub(super) fn tell(&mut self, info: Option<&Json>, ledger: &mut Ledger) {
        let audio = info.and_then(|info| info.get("audio"));
        let number = |key: &str| audio.and_then(|audio| audio.get(key)).and_then(Json::as_u64);
        let rate = [number("sample_rate"), number("channels"), number("bits").map(|bits| bits / 8)];
        let per_s = rate.into_iter().try_fold(1u64, |product, part| product.checked_mul(part?));
        for (microphone, (pieces, bytes, missing)) in std::mem::take(&mut self.amounts) {
            let seconds = per_s.filter(|per_s| *per_s > 0).map(|per_s| bytes as f64 / per_s as f64);
            let seconds =
                seconds.map_or_else(String::new, |seconds| format!(", {seconds:.2} s by info.audio"));
            let gone =
                if missing > 0 { format!("; {missing} of them cannot be read") } else { String::new() };
            let message = format!(
                "{} of sound, {bytes} bytes of samples{seconds}, left out: an episode has no sound{gone}",
                counted(pieces, "piece")
            );
            ledger.loss(format!("audios/{microphone}"), message);
        }
    }
}

/// Bytes behind the head of an array of numpy's.
fn samples_bytes(folder: &Path, path: &str) -> Option<u64> {
    let bytes = read_file(folder, path).ok()?;
    let head = bytes.strip_prefix(b"\x93NUMPY")?;
    // Version, then the length of the words that describe the array: 16 bits in version 1, 32 in later ones.
    let behind = match head {
        [1, _, a, b, rest @ ..] => rest.get(usize::from(u16::from_le_bytes([*a, *b]))..),
        [_, _, a, b, c, d, rest @ ..] => rest.get(u32::from_le_bytes([*a, *b, *c, *d]) as usize..),
        _ => None,
    };
    behind.map(|samples| samples.len() as u64)
}
