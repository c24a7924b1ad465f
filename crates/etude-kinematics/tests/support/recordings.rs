//! People's hands as they were recorded: a camera's 21 landmarks and a headset's 25 joints.

use std::io::Read;
use std::path::{Path, PathBuf};

use etude_kinematics::hand::HandSkeleton;
use etude_model::card::Side;
use nalgebra::Vector3;

/// One hand over time.
pub(crate) struct Recording {
    pub(crate) name: &'static str,
    /// Seconds since the frame before, and the hand.
    pub(crate) frames: Vec<(f64, HandSkeleton)>,
}

/// The folder of recorded data and vendors' models.
pub(crate) fn data_folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::env::var_os("ETUDE_DATA").map_or_else(|| root.join("../../../shared/data"), PathBuf::from)
}

/// Every recording that is there.
pub(crate) fn recordings() -> Vec<Recording> {
    let folder = data_folder();
    let mut found: Vec<Recording> = camera(&folder).into_iter().collect();
    for (name, side, code) in [("headset left", Side::Left, 2), ("headset right", Side::Right, 3)] {
        found.extend(headset(&folder, name, side, code));
    }
    found
}

/// What precedes 504 raw bytes in a pickle.
const TAG: [u8; 5] = [b'B', 0xf8, 0x01, 0x00, 0x00];

/// The right hand of `dex-retargeting`'s video: 621 frames at 30 Hz of 21 landmarks each. The pickle holds every frame's
/// array as 504 raw bytes behind one tag.
fn camera(folder: &Path) -> Option<Recording> {
    let bytes =
        std::fs::read(folder.join("human_hand_vr_tracking/dex_retargeting_human_joint_right.pkl")).ok()?;
    let (mut frames, mut place) = (Vec::new(), 0);
    while let Some(found) = bytes[place..].windows(TAG.len()).position(|window| window == TAG) {
        let start = place + found + TAG.len();
        let Some(raw) = bytes.get(start..start + 504) else { break };
        let mut landmarks = [[0.0; 3]; 21];
        for (value, raw) in landmarks.iter_mut().flatten().zip(raw.chunks_exact(8)) {
            *value = f64::from_le_bytes(raw.try_into().expect("eight bytes"));
        }
        frames.push((1.0 / 30.0, HandSkeleton::from_landmarks(Side::Right, &landmarks)));
        place = start + 504;
    }
    Some(Recording { name: "camera right", frames })
}

/// One hand of the headset's session: where it is lost, frames are missing, so the next one is later.
fn headset(folder: &Path, name: &'static str, side: Side, code: u64) -> Option<Recording> {
    let file = std::fs::File::open(folder.join("headset_quest3_capture/quest3_capture.json.gz")).ok()?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).ok()?;
    let session: serde_json::Value = serde_json::from_str(&text).ok()?;
    let mut frames = Vec::new();
    let mut last_ms = None;
    for frame in session["frames"].as_array()? {
        let time_ms = frame[0].as_f64()?;
        let inputs = frame.as_array()?.iter().skip(8);
        let Some(hand) = inputs.into_iter().find(|input| input[0].as_u64() == Some(code)) else { continue };
        let numbers: Vec<f64> = hand[9].as_array()?.iter().filter_map(serde_json::Value::as_f64).collect();
        let mut skeleton = HandSkeleton::unknown(side);
        for (joint, pose) in numbers.chunks_exact(8).enumerate().take(25) {
            skeleton.points_m[joint] = Vector3::new(pose[0], pose[1], pose[2]);
            skeleton.known[joint] = true;
        }
        frames.push(((time_ms - last_ms.unwrap_or(time_ms)) * 1e-3, skeleton));
        last_ms = Some(time_ms);
    }
    Some(Recording { name, frames })
}
