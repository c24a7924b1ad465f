//! Asks the real `ffprobe` what a file holds.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The video stream's fields as `ffprobe` names them, every packet and frame counted; `None` where it is absent.
pub(crate) fn probe(path: &Path) -> Option<BTreeMap<String, String>> {
    let entries = "stream=codec_name,profile,width,height,pix_fmt,r_frame_rate,avg_frame_rate,time_base,start_pts,\
                   duration_ts,nb_frames,nb_read_frames,nb_read_packets,has_b_frames";
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-count_frames", "-count_packets", "-select_streams", "v:0"]);
    command.args(["-show_entries", entries, "-of", "default=noprint_wrappers=1"]).arg(path);
    let Ok(output) = command.output() else {
        eprintln!("skipped: ffprobe is not installed");
        return None;
    };
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaints.is_empty(), "ffprobe {}: {complaints}", path.display());
    let text = String::from_utf8(output.stdout).expect("ffprobe prints text");
    Some(text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect())
}

/// Runs the `ffmpeg` command; `None` where it is absent.
pub(crate) fn ffmpeg(arguments: &[&str], output: &Path) -> Option<()> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]).args(arguments).arg(output);
    let Ok(result) = command.output() else {
        eprintln!("skipped: ffmpeg is not installed");
        return None;
    };
    assert!(result.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&result.stderr));
    Some(())
}
