//! Recordings of real and simulated robots, copied without loss. Skipped where the data are absent.

use std::path::{Path, PathBuf};

use etude_video::{AccessUnit, Codec, FrameReader, Mp4Reader, Mp4Writer, VideoTrack, hash_file};

use crate::ffprobe::probe;

/// The folder of sample recordings.
fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("ETUDE_DATA").map_or(beside, PathBuf::from);
    root.is_dir().then_some(root)
}

fn sample(relative: &str) -> Option<PathBuf> {
    let path = data().map(|root| root.join(relative)).filter(|path| path.is_file());
    if path.is_none() {
        eprintln!("skipped: {relative} is absent");
    }
    path
}

const G1: &str = "g1_inspire_lerobot_v21/videos/chunk-000/observation.images.cam_high";
const GR1: &str = "gr1_sim_teleop_lerobot_v20/videos/chunk-000/observation.images.ego_view";

/// Samples exactly as a file stores them, asked of another tool: size and position do not matter, content does.
fn packet_hashes(path: &Path) -> Option<Vec<String>> {
    let mut command = std::process::Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(path);
    command.args(["-map", "0:v:0", "-c", "copy", "-f", "framehash", "-hash", "sha256", "-"]);
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().filter(|line| !line.starts_with('#')).map(String::from).collect())
}

fn units_of(path: &Path) -> (VideoTrack, Vec<AccessUnit>) {
    let reader = Mp4Reader::open(path).expect("opens");
    let info = reader.info().clone();
    let track = VideoTrack {
        extradata: Some(info.extradata),
        ..VideoTrack::new(info.codec, info.width, info.height, info.frame_rate.expect("a frame rate"))
    };
    (track, reader.map(|packet| packet.expect("reads").unit).collect())
}

/// Copies a file unit by unit and proves that nothing changed.
fn prove_copy(from: &Path, codec: Codec, frames: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let to = folder.path().join("copy.mp4");
    let (track, units) = units_of(from);
    assert_eq!((track.codec, units.len()), (codec, frames));
    let mut writer = Mp4Writer::create(&to, track).expect("creates");
    for (index, unit) in units.iter().enumerate() {
        writer.push(unit, index as u64).expect("takes the unit");
    }
    assert_eq!(writer.finish().expect("finishes").frames, frames as u64);
    assert_eq!(units_of(&to).1, units, "packets");
    let hashes = hash_file(from).expect("decodes");
    assert_eq!(hashes.len(), frames);
    assert_eq!(hash_file(&to).expect("decodes"), hashes, "pictures");
    if let (Some(theirs), Some(ours)) = (packet_hashes(from), packet_hashes(&to)) {
        assert_eq!(theirs, ours, "samples as another tool sees them");
    }
    if let (Some(before), Some(after)) = (probe(from), probe(&to)) {
        let wanted = frames.to_string();
        assert_eq!(after.get("nb_read_frames"), Some(&wanted));
        for field in ["codec_name", "profile", "r_frame_rate", "avg_frame_rate", "start_pts", "duration_ts"] {
            assert_eq!(after.get(field), before.get(field), "{field}");
        }
    }
}

#[test]
fn an_av1_recording_of_a_g1_is_copied_without_loss() {
    if let Some(path) = sample(&format!("{G1}/episode_000010.mp4")) {
        let frames = Mp4Reader::open(&path).expect("opens").info().frames.expect("an index");
        prove_copy(&path, Codec::Av1, frames as usize);
    }
}

#[test]
fn an_h264_recording_of_a_gr1_is_copied_without_loss() {
    if let Some(path) = sample(&format!("{GR1}/episode_000005.mp4")) {
        let reader = Mp4Reader::open(&path).expect("opens");
        let (codec, frames) = (reader.info().codec, reader.info().frames.expect("an index"));
        prove_copy(&path, codec, frames as usize);
    }
}

#[test]
fn two_av1_episodes_follow_one_another_in_one_file() {
    let paths = [10, 14].map(|episode| sample(&format!("{G1}/episode_{episode:06}.mp4")));
    let [Some(first), Some(second)] = paths else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let to = folder.path().join("joined.mp4");
    let ((track, mut units), (_, more)) = (units_of(&first), units_of(&second));
    let boundary = units.len() as u64;
    units.extend(more);
    let mut writer = Mp4Writer::create(&to, track).expect("creates");
    for (index, unit) in units.iter().enumerate() {
        writer.push(unit, index as u64).expect("takes the unit");
    }
    writer.finish().expect("finishes");
    let mut joined = FrameReader::open(&to).expect("opens");
    let mut last_of_first = FrameReader::open(&first).expect("opens");
    let mut first_of_second = FrameReader::open(&second).expect("opens");
    for offset in [0, 1, 5] {
        let here = joined.frame_at(boundary + offset).expect("is there").hash();
        assert_eq!(here, first_of_second.frame_at(offset).expect("is there").hash());
        let before = joined.frame_at(boundary - 1 - offset).expect("is there").hash();
        assert_eq!(before, last_of_first.frame_at(boundary - 1 - offset).expect("is there").hash());
    }
}
