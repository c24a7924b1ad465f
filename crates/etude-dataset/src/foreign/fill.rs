//! Numbers of a message as a sample of a stream.

use super::calibration::CalibrationFields;
use super::depth::{DepthOdd, Depths};
use super::mapping::QuaternionOrder;
use super::picture::PictureFormat;
use super::plan::names_of;
use super::value::{Path, Value};
use etude_model::sample::{
    Imu, JointCommand, JointStates, PoseSample, Tactile, VideoFormat, VideoFrame, Wrench,
};
use etude_model::{Pose, Sample};
use etude_video::annexb::{h264_access_unit, h265_access_unit};
use etude_video::{FrameRate, H264Encoder, H264Settings, RgbImage};

/// `number * factor + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Adjust {
    pub(crate) factor: f64,
    pub(crate) offset: f64,
}

impl Adjust {
    /// What is not changed keeps every bit.
    fn of(self, number: f64) -> f64 {
        if self.factor == 1.0 && self.offset == 0.0 { number } else { number * self.factor + self.offset }
    }
}

/// Numbers of a message and what is done to each.
#[derive(Clone, Debug)]
pub(crate) struct Numbers {
    paths: Vec<Path>,
    adjust: Vec<Adjust>,
}

/// Where each channel's number stands, by the names that come with every message.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    paths: Vec<Path>,
    wanted: Vec<String>,
    last: Vec<String>,
    places: Vec<usize>,
}

impl Names {
    pub(crate) fn new(paths: Vec<Path>, wanted: Vec<String>) -> Self {
        Self { paths, wanted, last: Vec::new(), places: Vec::new() }
    }

    pub(crate) fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// Looks the names up anew where they are others than those of the message before.
    fn look(&mut self, message: &Value) -> Result<&[usize], String> {
        let found = names_of(&self.paths, message).ok_or("it has no names")?;
        if found != self.last || self.places.is_empty() {
            let place = |name: &String| {
                let mut places =
                    (0..).zip(&found).filter(|(_, found)| *found == name).map(|(place, _)| place);
                match (places.next(), places.next()) {
                    (Some(place), None) => Ok(place),
                    (None, _) => Err(format!("it does not name `{name}`")),
                    (Some(_), Some(_)) => Err(format!("it names `{name}` twice")),
                }
            };
            self.places = self.wanted.iter().map(place).collect::<Result<_, _>>()?;
            self.last = found;
        }
        Ok(&self.places)
    }
}

impl Numbers {
    pub(crate) fn new(paths: Vec<Path>, adjust: Vec<Adjust>) -> Self {
        Self { paths, adjust }
    }

    pub(crate) fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// The numbers as they stand in a message, joined.
    fn raw(&self, message: &Value, inexact: &mut bool) -> Result<Vec<f64>, String> {
        let mut numbers = Vec::new();
        for path in &self.paths {
            let found = path.numbers(message).ok_or_else(|| format!("it has no numbers in {path}"))?;
            *inexact |= found.inexact;
            numbers.extend(found.numbers);
        }
        Ok(numbers)
    }

    fn read(
        &self,
        message: &Value,
        places: Option<&[usize]>,
        inexact: &mut bool,
    ) -> Result<Vec<f64>, String> {
        let raw = self.raw(message, inexact)?;
        let chosen: Vec<f64> = match places {
            None => raw,
            Some(places) => {
                let number = |place: &usize| raw.get(*place).copied();
                let chosen: Option<Vec<f64>> = places.iter().map(number).collect();
                chosen.ok_or_else(|| {
                    format!("it has more names than the {} numbers of {}", raw.len(), self.text())
                })?
            }
        };
        if chosen.len() != self.adjust.len() {
            let (expected, found) = (self.adjust.len(), chosen.len());
            return Err(format!("expected {expected} numbers in {}, found {found}", self.text()));
        }
        Ok(chosen.into_iter().zip(&self.adjust).map(|(number, adjust)| adjust.of(number)).collect())
    }

    /// Numbers that a message may lack altogether.
    fn optional(
        this: Option<&Self>,
        message: &Value,
        places: Option<&[usize]>,
        inexact: &mut bool,
    ) -> Result<Vec<f64>, String> {
        let Some(numbers) = this else { return Ok(Vec::new()) };
        match numbers.raw(message, &mut false) {
            Ok(raw) if !raw.is_empty() => numbers.read(message, places, inexact),
            _ => Ok(Vec::new()),
        }
    }

    fn three(&self, message: &Value, inexact: &mut bool) -> Result<[f64; 3], String> {
        let numbers = self.read(message, None, inexact)?;
        numbers.try_into().map_err(|_| format!("expected 3 numbers in {}", self.text()))
    }

    fn text(&self) -> String {
        self.paths.iter().map(Path::text).collect::<Vec<_>>().join(" + ")
    }
}

/// How a stream's samples are made.
#[derive(Debug)]
pub(crate) enum Fill {
    Joints {
        position: Option<Numbers>,
        velocity: Option<Numbers>,
        effort: Option<Numbers>,
        names: Option<Box<Names>>,
    },
    Command {
        asked: Numbers,
        names: Option<Box<Names>>,
    },
    Pose {
        position: Numbers,
        orientation: Numbers,
        order: QuaternionOrder,
    },
    Wrench {
        force: Numbers,
        torque: Numbers,
        tared: bool,
    },
    Tactile {
        values: Numbers,
        rows: u32,
        columns: u32,
    },
    Imu {
        angular: Numbers,
        linear: Numbers,
    },
    Video {
        data: Path,
        format: VideoFormat,
    },
    /// Pictures that are coded anew as H.264.
    Pictures {
        data: Path,
        format: PictureFormat,
        encoder: Option<Box<H264Encoder>>,
        rate: FrameRate,
    },
    /// Pictures of distances.
    Depth(Depths),
    /// Calibrations of a camera.
    Calibration(Box<CalibrationFields>),
}

/// What was odd about a sample that was made all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Oddities {
    /// A whole number was too large to be kept exactly.
    pub(crate) inexact: bool,
    /// A quaternion is not of unit length.
    pub(crate) not_unit: bool,
    /// A picture of this kind was coded anew.
    pub(crate) recoded: Option<&'static str>,
    /// What of a picture of distances did not fit.
    pub(crate) depth: DepthOdd,
}

impl Fill {
    /// The paths that it reads.
    pub(crate) fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        let mut add = |more: &[Path]| paths.extend_from_slice(more);
        match self {
            Self::Joints { position, velocity, effort, names } => {
                [position, velocity, effort].into_iter().flatten().for_each(|numbers| add(numbers.paths()));
                if let Some(names) = names {
                    add(names.paths());
                }
            }
            Self::Command { asked, names } => {
                add(asked.paths());
                if let Some(names) = names {
                    add(names.paths());
                }
            }
            Self::Pose { position: a, orientation: b, .. }
            | Self::Wrench { force: a, torque: b, .. }
            | Self::Imu { angular: a, linear: b } => {
                add(a.paths());
                add(b.paths());
            }
            Self::Tactile { values, .. } => add(values.paths()),
            Self::Video { data, .. } => add(std::slice::from_ref(data)),
            Self::Pictures { data, format, .. } => {
                add(std::slice::from_ref(data));
                add(&format.beside(data));
            }
            Self::Depth(depths) => add(&depths.paths()),
            Self::Calibration(fields) => add(&fields.paths()),
        }
        paths
    }

    /// The names by which numbers are chosen: those of no channel are left out.
    pub(crate) fn left_out(&self, message: &Value) -> Vec<String> {
        let (Self::Joints { names: Some(names), .. } | Self::Command { names: Some(names), .. }) = self
        else {
            return Vec::new();
        };
        let found = names_of(&names.paths, message).unwrap_or_default();
        found.into_iter().filter(|name| !names.wanted.contains(name)).collect()
    }

    /// Makes the sample; `number`: how many the stream had before.
    pub(crate) fn sample(&mut self, message: &Value, number: u64) -> Result<(Sample, Oddities), String> {
        let mut odd = Oddities::default();
        let inexact = &mut odd.inexact;
        let sample = match self {
            Self::Joints { position, velocity, effort, names } => {
                let places = names.as_mut().map(|names| names.look(message)).transpose()?;
                let states = JointStates {
                    position: match position {
                        Some(position) => position.read(message, places, inexact)?,
                        None => Vec::new(),
                    },
                    velocity: Numbers::optional(velocity.as_ref(), message, places, inexact)?,
                    effort: Numbers::optional(effort.as_ref(), message, places, inexact)?,
                };
                Sample::JointStates(states)
            }
            Self::Command { asked, names } => {
                let places = names.as_mut().map(|names| names.look(message)).transpose()?;
                let asked = asked.read(message, places, inexact)?;
                Sample::JointCommand(JointCommand { sequence: number, asked, granted: Vec::new() })
            }
            Self::Pose { position, orientation, order } => {
                let position_m = position.three(message, inexact)?;
                let orientation_xyzw = order.quaternion(&orientation.read(message, None, inexact)?)?;
                let pose = Pose { position_m, orientation_xyzw };
                odd.not_unit = !pose.is_valid();
                Sample::Pose(PoseSample { pose, tracked: pose.is_valid() })
            }
            Self::Wrench { force, torque, tared } => Sample::Wrench(Wrench {
                force_n: force.three(message, inexact)?,
                torque_n_m: torque.three(message, inexact)?,
                tared: *tared,
            }),
            Self::Tactile { values, rows, columns } => {
                let values = values.read(message, None, inexact)?;
                *inexact |= values.iter().any(|value| !value.is_nan() && f64::from(*value as f32) != *value);
                let values = values.into_iter().map(|value| value as f32).collect();
                Sample::Tactile(Tactile { rows: *rows, columns: *columns, values })
            }
            Self::Imu { angular, linear } => Sample::Imu(Imu {
                angular_velocity_rad_s: angular.three(message, inexact)?,
                linear_acceleration_m_s2: linear.three(message, inexact)?,
            }),
            Self::Video { data, format } => Sample::Video(frame(data, *format, message)?),
            Self::Pictures { data, format, encoder, rate } => {
                odd.recoded = Some(format.name());
                Sample::Video(picture(&format.decode(data, message)?, encoder, *rate)?)
            }
            Self::Depth(depths) => {
                let (image, depth) = depths.decode(message)?;
                odd.depth = depth;
                Sample::Depth(image)
            }
            Self::Calibration(fields) => Sample::Calibration(fields.read(message)?),
        };
        Ok((sample, odd))
    }
}

/// A picture as a frame of H.264; one that cannot be decoded leaves the frames before and after as they are.
fn picture(
    image: &RgbImage,
    encoder: &mut Option<Box<H264Encoder>>,
    rate: FrameRate,
) -> Result<VideoFrame, String> {
    let encoder = if let Some(encoder) = encoder {
        encoder
    } else {
        let settings = H264Settings::new(image.width(), image.height(), rate);
        encoder.insert(Box::new(H264Encoder::new(settings).map_err(|error| error.to_string())?))
    };
    let unit = encoder.encode(&image.as_frame()).map_err(|error| error.to_string())?;
    Ok(VideoFrame { format: VideoFormat::H264, is_key: unit.is_key, data: unit.data.into() })
}

/// A coded frame as it is; its bytes are looked at and not changed.
fn frame(data: &Path, format: VideoFormat, message: &Value) -> Result<VideoFrame, String> {
    let Some(Value::Bytes(bytes)) = data.value(message) else {
        return Err(format!("it has no bytes in {data}"));
    };
    let is_key = match format {
        VideoFormat::H264 => h264_access_unit(bytes.clone()).map_err(|error| error.to_string())?.is_key,
        VideoFormat::H265 => h265_access_unit(bytes.clone()).map_err(|error| error.to_string())?.is_key,
        VideoFormat::Av1 | VideoFormat::Vp9 => {
            return Err(format!("{} frames are not copied yet", format.name()));
        }
    };
    Ok(VideoFrame { format, is_key, data: bytes.as_slice().into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_keeps_every_bit() {
        let same = Adjust { factor: 1.0, offset: 0.0 };
        assert_eq!(same.of(-0.0).to_bits(), (-0.0f64).to_bits());
        assert_eq!(Adjust { factor: -2.0, offset: 1.0 }.of(3.0), -5.0);
    }
}
