//! Drafts of what is known of a camera: its calibration, and where it was.

use super::super::super::survey::FieldSeen;
use super::super::{quoted, range};
use super::Draft;

impl Draft<'_> {
    /// A camera's calibration, whose fields have fixed names.
    pub(super) fn calibration(&mut self) {
        let seen = self.seen;
        if !self.type_name.ends_with("CameraInfo") && !self.type_name.ends_with("CameraCalibration") {
            return;
        }
        let side = |name: &str| range(seen.field(name).and_then(FieldSeen::range));
        self.line(format!("# {} x {} pixels", side("width"), side("height")));
        let camera = self.topic.trim_matches('/').trim_end_matches("/camera_info").replace('/', "_");
        let frame = self.frame();
        self.open(&format!("/camera/{camera}/calibration"), "calibration");
        self.line(format!("frame = {}", quoted(&frame)));
        let carried = ["width", "height", "K", "k", "D", "d", "distortion_model"];
        let rest: Vec<&String> = seen
            .fields
            .iter()
            .map(|(name, _)| name)
            .filter(|name| !carried.contains(&name.as_str()) && !name.starts_with("header."))
            .collect();
        let fields: Vec<String> = rest.iter().map(|name| quoted(name)).collect();
        self.line(format!("[[skip]]\nfrom = {}\nfields = [{}]", quoted(self.topic), fields.join(", ")));
        self.line(
            "why = \"rectification, binning and region: an episode's calibration has no place for them\"",
        );
        self.used.extend(seen.fields.iter().map(|(name, _)| name.clone()));
    }

    /// fx, fy, ppx and ppy, as `RealSense` calls them; the size that they are for stands elsewhere, or nowhere.
    pub(super) fn intrinsics(&mut self) {
        let seen = self.seen;
        let names = |prefix: &str| ["fx", "fy", "ppx", "ppy"].map(|name| format!("{prefix}{name}"));
        let has = |prefix: &&str| names(prefix).iter().all(|name| seen.field(name).is_some());
        let Some(prefix) = ["", "intrinsic."].into_iter().find(has) else { return };
        let values = names(prefix).map(|name| range(seen.field(&name).and_then(FieldSeen::range)));
        self.line(format!("# fx, fy, ppx, ppy: {}", values.join(", ")));
        let camera = self.topic.rsplit('/').next().unwrap_or(self.topic);
        let camera = camera.trim_end_matches("_intrinsic_params").to_owned();
        self.open(&format!("/camera/{camera}/calibration"), "calibration");
        let frame = self.frame();
        self.line(format!("frame = {}", quoted(&frame)));
        let sides = [("width", "columns", "wide"), ("height", "rows", "high")];
        for (name, key, way) in sides {
            let field = format!("{prefix}{name}");
            if seen.field(&field).is_some() {
                self.used.push(field);
            } else {
                let question =
                    format!("? how many pixels {way} are the pictures that these numbers are for?");
                self.line(format!("{key} = {}", quoted(&question)));
            }
        }
        self.used.extend(names(prefix));
    }

    /// A matrix and a vector, as `AgiBot` World writes where its cameras were.
    pub(super) fn extrinsics(&mut self) {
        let seen = self.seen;
        for (name, _) in &seen.fields {
            let Some(prefix) = name.strip_suffix("rotation_matrix") else { continue };
            let vector = format!("{prefix}translation_vector");
            let Some(field) = seen.field(&vector).filter(|field| field.width == (3, 3)) else { continue };
            self.line(format!("# {vector}: {}", range(field.range())));
            self.open("? /robot/…/pose: of which camera?", "pose");
            self.line("frame = \"? in which frame is the camera? (or is it the frame in the camera's?)\"");
            let unit = quoted(&format!("? m or mm? {}", range(field.range())));
            self.line(format!("position = {{ field = {}, unit = {unit} }}", quoted(&vector)));
            self.line(format!("orientation = {{ field = {}, order = \"matrix\" }}", quoted(name)));
            self.used.extend([name.clone(), vector]);
        }
    }
}
