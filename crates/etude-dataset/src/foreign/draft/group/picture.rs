//! Drafts of streams of pictures: by what is stated of them, and by what their bytes are.

use super::super::super::survey::FieldSeen;
use super::super::quoted;
use super::Draft;

/// Bytes of a field from which on it may be a picture.
const LEAST_BYTES: usize = 64;
/// What stands beside the bytes of a raw picture and is read with them.
const BESIDE: [&str; 6] = ["height", "width", "channels", "encoding", "step", "is_bigendian"];
/// What is known of the unit of distances, and what is not.
const UNIT: &str =
    "? mm or m, once the numbers were multiplied by `scale`? (REP 118: in ROS 16UC1 is in mm and 32FC1 in m)";

/// What a field of bytes is taken for.
enum Taken {
    /// Frames or pictures to look at, in this format.
    Video(&'static str),
    /// Pictures of distances, in this format.
    Depth(&'static str),
    /// Bytes that nothing is known of, or pictures that are not carried.
    Other(String),
}

impl Draft<'_> {
    pub(super) fn pictures(&mut self) {
        let seen = self.seen;
        for (name, field) in
            seen.fields.iter().filter(|(_, field)| field.kind == "bytes" && field.width.1 > LEAST_BYTES)
        {
            self.used.push(name.clone());
            let about = field.picture.as_ref().map_or_else(String::new, |seen| format!("; {}", seen.about));
            let stated = self.stated();
            self.line(format!("# {name}: up to {} bytes, format {}{about}", field.width.1, quoted(&stated)));
            match self.taken(field, &stated) {
                Taken::Video(format) => self.video(name, format),
                Taken::Depth(format) => self.depth(name, format),
                Taken::Other(what) => {
                    let why = format!("? {what}: are they to be left out?");
                    self.line(format!("[[skip]]\nfrom = {}\nwhy = {}", quoted(self.topic), quoted(&why)));
                    self.used.extend(seen.fields.iter().map(|(name, _)| name.clone()));
                }
            }
        }
    }

    /// What the messages or their type say of the format.
    fn stated(&self) -> String {
        let word = |name| self.seen.field(name).and_then(|field| field.words.first()).cloned();
        let coded = || self.type_name.strip_suffix(" video").map(str::to_owned);
        word("format").or_else(|| word("encoding")).or_else(coded).unwrap_or_default()
    }

    fn taken(&self, field: &FieldSeen, stated: &str) -> Taken {
        let (lower, seen) = (stated.to_lowercase(), field.picture.as_ref());
        match stated {
            "16UC1" | "mono16" => return Taken::Depth("16UC1"),
            "32FC1" => return Taken::Depth("32FC1"),
            "rgb8" => return Taken::Video("rgb8"),
            "bgr8" => return Taken::Video("bgr8"),
            _ => {}
        }
        if let Some(seen) = seen.filter(|seen| seen.is_depth) {
            return Taken::Depth(seen.format);
        }
        let is_depth = lower.contains("depth") || self.topic.to_lowercase().contains("depth");
        let coded = ["h264", "h265", "jpeg", "png"].into_iter().find(|known| lower.contains(known));
        match coded.or(seen.map(|seen| seen.format)) {
            Some("jpeg") if is_depth => Taken::Other(
                "JPEG pictures of distances: lossy, of 8 bits and no measure (as video they may be looked at)".to_owned(),
            ),
            Some(format) if !is_depth => Taken::Video(format),
            _ => {
                let what = if stated.is_empty() { "of no stated format" } else { stated };
                Taken::Other(format!("pictures or other bytes ({what}), which are not carried"))
            }
        }
    }

    fn video(&mut self, name: &str, format: &str) {
        if matches!(format, "jpeg" | "png" | "rgb8" | "bgr8") {
            let name = match format {
                "jpeg" | "png" => format.to_uppercase(),
                _ => "A raw picture".to_owned(),
            };
            self.line(format!("# {name} is coded anew as H.264: near, and no longer the same."));
        }
        self.open_camera("video");
        self.line(format!("data = {}\nformat = {}", quoted(name), quoted(format)));
        self.beside(format);
    }

    fn depth(&mut self, name: &str, format: &str) {
        self.open_camera("depth");
        self.line(format!("data = {}\nformat = {}\nunit = {}", quoted(name), quoted(format), quoted(UNIT)));
        self.beside(format);
    }

    fn open_camera(&mut self, kind: &str) {
        let camera = self.topic.trim_matches('/').replace('/', "_");
        self.open(&format!("/camera/{camera}/{kind}"), kind);
        let frame = self.frame();
        self.line(format!("frame = {}", quoted(&frame)));
    }

    /// What stands beside a picture's bytes: read with them, or said in the stream.
    fn beside(&mut self, format: &str) {
        if matches!(format, "rgb8" | "bgr8" | "16UC1" | "32FC1") {
            self.used.extend(BESIDE.map(str::to_owned));
        }
        if self.seen.field("format").is_none() {
            return;
        }
        self.used.push("format".to_owned());
        if format != "compressedDepth" {
            let from = quoted(self.topic);
            self.line(format!(
                "[[skip]]\nfrom = {from}\nfields = [\"format\"]\nwhy = \"it stands in the stream\""
            ));
        }
    }
}
