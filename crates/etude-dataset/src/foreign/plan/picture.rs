//! Plans of streams of pictures: video, distances, and what a camera's calibration is.

use super::super::calibration::CalibrationFields;
use super::super::depth::{DepthFormat, Depths};
use super::super::fill::Fill;
use super::super::picture::PictureFormat;
use super::super::value::Value;
use super::Planner;
use etude_model::Channel;
use etude_model::sample::VideoFormat;
use etude_video::FrameRate;

impl Planner<'_> {
    pub(super) fn video(&mut self) -> Option<(Vec<Channel>, Fill)> {
        let Some(data) = &self.rule.data else {
            return self.ask("which field has the picture's bytes? (`data`)");
        };
        if !matches!(data.value(self.message), Some(Value::Bytes(_))) {
            return self.ask(format!("expected bytes in {data}"));
        }
        let format = self.rule.format.as_deref();
        if let Some(format) = format.and_then(PictureFormat::from_name) {
            // The rate chooses the level of the coded video and is no limit.
            let rate_hz = self.rule.rate_hz.unwrap_or(30.0).clamp(1.0, 240.0).round() as u32;
            let rate = FrameRate::from_hz(rate_hz)?;
            return Some((Vec::new(), Fill::Pictures { data: data.clone(), format, encoder: None, rate }));
        }
        match format.and_then(VideoFormat::from_name) {
            Some(format) => Some((Vec::new(), Fill::Video { data: data.clone(), format })),
            None => self.ask(format!(
                "expected a format of h264, h265, jpeg, png, rgb8 or bgr8, found {}: others are not carried; skip them",
                format.unwrap_or("none")
            )),
        }
    }

    pub(super) fn depth(&mut self) -> Option<(Vec<Channel>, Fill)> {
        let rule = self.rule;
        let Some(data) = &rule.data else {
            return self.ask("which field has the picture of distances? (`data`)");
        };
        let format = match rule.format.as_deref() {
            Some("jpeg") => {
                return self.ask(
                    "JPEG is lossy and of 8 bits, and no measure of distance: is it to be skipped, or a picture to look at \
                     (`kind = \"video\"`)?",
                );
            }
            format => format.and_then(DepthFormat::from_name),
        };
        let Some(format) = format else {
            return self.ask(format!(
                "how are its distances stored? Expected a format of png, 16UC1, mono16, 32FC1, compressedDepth or numbers, \
                 found {}",
                rule.format.as_deref().unwrap_or("none")
            ));
        };
        if !data.value(self.message).is_some_and(|value| format.fits(value)) {
            let wanted = if format == DepthFormat::Numbers { "rows of numbers" } else { "bytes" };
            return self.ask(format!("expected {wanted} in {data}"));
        }
        let scale = rule.scale.unwrap_or(1.0);
        if !(scale.is_finite() && scale > 0.0) {
            return self.ask(format!("expected a scale above 0, found {scale}"));
        }
        let unit_mm = match rule.unit.as_deref() {
            Some("mm") => scale,
            Some("m") => scale * 1000.0,
            found => {
                return self.ask(format!(
                    "in which unit are the distances in {data}, once they were multiplied by `scale`? Expected mm or m, \
                     found {}",
                    found.unwrap_or("none")
                ));
            }
        };
        Some((Vec::new(), Fill::Depth(Depths { data: data.clone(), format, unit_mm })))
    }

    /// `sensor_msgs/CameraInfo`, `foxglove.CameraCalibration` and others whose own names say what each field is.
    pub(super) fn calibration(&mut self) -> Option<(Vec<Channel>, Fill)> {
        self.frame();
        let stated = self.rule.columns.zip(self.rule.rows);
        match CalibrationFields::find(self.message, stated) {
            Ok(fields) => Some((Vec::new(), Fill::Calibration(Box::new(fields)))),
            Err(question) => self.ask(question),
        }
    }
}
