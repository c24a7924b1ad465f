//! A camera's calibration, by the names that its makers give its numbers.

use super::value::{Path, Value};
use etude_model::sample::Calibration;

/// Where a calibration's numbers are.
#[derive(Clone, Debug)]
pub(crate) struct CalibrationFields {
    size: Size,
    matrix: Matrix,
    distortion: Option<(Path, Path)>,
}

/// How large the pictures are that it is for.
#[derive(Clone, Debug)]
enum Size {
    /// Fields with the width and the height.
    Fields(Path, Path),
    /// Width and height as the mapping states them.
    Stated(u32, u32),
}

/// The intrinsic matrix.
#[derive(Clone, Debug)]
enum Matrix {
    /// Its nine numbers.
    Whole(Path),
    /// Its four that are neither 0 nor 1: fx, fy, cx, cy.
    Four([Path; 4]),
}

impl CalibrationFields {
    /// Looks for the fields of a message; `stated`: the pictures' width and height as the mapping says, pixels. The error
    /// is a question.
    pub(crate) fn find(message: &Value, stated: Option<(u32, u32)>) -> Result<Self, String> {
        let first = |names: &[&str]| {
            let paths = names.iter().filter_map(|name| name.parse::<Path>().ok());
            paths.into_iter().find(|path| path.value(message).is_some())
        };
        // The last four are those of RealSense; AgiBot World puts them into a group.
        let four = ["fx", "fy", "ppx", "ppy"].map(|name| first(&[name, &format!("intrinsic.{name}")]));
        let matrix = match (first(&["K", "k"]), four) {
            (Some(matrix), _) => Matrix::Whole(matrix),
            (None, [Some(fx), Some(fy), Some(cx), Some(cy)]) => Matrix::Four([fx, fy, cx, cy]),
            _ => {
                return Err("expected width, height, K, D and distortion_model of a camera's calibration, or its fx, fy, ppx \
                            and ppy: which are they?"
                    .to_owned());
            }
        };
        let size = match (
            first(&["width", "intrinsic.width"]),
            first(&["height", "intrinsic.height"]),
            stated,
        ) {
            (Some(width), Some(height), None) => Size::Fields(width, height),
            (None, None, Some((width, height))) => Size::Stated(width, height),
            (None, None, None) => {
                return Err("how large are the pictures that the numbers are for, in pixels? Nothing states it (`rows` and \
                            `columns`)"
                    .to_owned());
            }
            _ => {
                return Err(
                    "its size stands in the message: why would it be another? (`rows` and `columns`)"
                        .to_owned(),
                );
            }
        };
        let distortion = first(&["D", "d"]).zip(first(&["distortion_model"]));
        if distortion.is_none() && matches!(matrix, Matrix::Whole(_)) {
            return Err(
                "expected D and distortion_model of a camera's calibration: which are they?".to_owned()
            );
        }
        Ok(Self { size, matrix, distortion })
    }

    /// The fields that it reads.
    pub(crate) fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        if let Size::Fields(width, height) = &self.size {
            paths.extend([width.clone(), height.clone()]);
        }
        match &self.matrix {
            Matrix::Whole(matrix) => paths.push(matrix.clone()),
            Matrix::Four(four) => paths.extend(four.iter().cloned()),
        }
        paths.extend(self.distortion.iter().flat_map(|(numbers, model)| [numbers.clone(), model.clone()]));
        paths
    }

    /// A message's calibration.
    pub(crate) fn read(&self, message: &Value) -> Result<Calibration, String> {
        let side = |path: &Path| match numbers(path, message)?.as_slice() {
            [side] if (0.0..=65535.0).contains(side) && side.fract() == 0.0 => Ok(*side as u32),
            other => Err(format!("expected a number of pixels in {path}, found {other:?}")),
        };
        let (width, height) = match &self.size {
            Size::Fields(width, height) => (side(width)?, side(height)?),
            Size::Stated(width, height) => (*width, *height),
        };
        let one = |path: &Path| match numbers(path, message)?.as_slice() {
            [number] => Ok(*number),
            other => Err(format!("expected one number in {path}, found {}", other.len())),
        };
        let k = match &self.matrix {
            Matrix::Whole(path) => numbers(path, message)?
                .try_into()
                .map_err(|found: Vec<f64>| format!("expected 9 numbers in {path}, found {}", found.len()))?,
            Matrix::Four([fx, fy, cx, cy]) => {
                [one(fx)?, 0.0, one(cx)?, 0.0, one(fy)?, one(cy)?, 0.0, 0.0, 1.0]
            }
        };
        let (distortion, distortion_model) = match &self.distortion {
            Some((path, model)) => {
                (numbers(path, message)?, model.value(message).and_then(Value::text).unwrap_or_default())
            }
            None => (Vec::new(), ""),
        };
        Ok(Calibration { width, height, k, distortion_model: distortion_model.to_owned(), distortion })
    }
}

fn numbers(path: &Path, message: &Value) -> Result<Vec<f64>, String> {
    path.numbers(message).map(|found| found.numbers).ok_or_else(|| format!("it has no numbers in {path}"))
}
