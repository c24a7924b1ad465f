//! What the makers of HDF5 recordings agreed on: which group is a recording, where its clock is, what it says of itself.

use super::super::error::Error;
use super::super::records::{Facts, Ledger};
use super::super::source::{Format, Recording, by_number, name_of};
use super::super::table::Extent;
use super::super::value::Value;
use super::physics::Physics;
use super::{agibot, droid, open, robomind, whole};
use crate::hdf5::File;
use crate::hdf5::dataset::Rows;
use crate::hdf5::object::{Kind, Object};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The longest text that goes into the notes, bytes.
const MAX_NOTE_BYTES: usize = 256 << 10;
/// The largest model or JSON file that is read, bytes.
pub(super) const MAX_TEXT_BYTES: u64 = 32 << 20;
/// Folders within folders, and files, that are looked through.
const MAX_DEPTH: usize = 10;
const MAX_FILES: usize = 200_000;
/// Names of files that hold one recording, deep within the folders of a dataset.
const FILES: [&str; 3] = ["trajectory.hdf5", "trajectory.h5", "proprio_stats.h5"];

/// Stands for the time of a row whose time is lost.
pub(super) const NO_TIME: i64 = i64::MIN;

/// What is known of a recording before its rows are read.
pub(super) struct Layout {
    format: Format,
    /// The address of the group that it is.
    pub(super) root: u64,
    /// What the rows of that group itself are called.
    pub(super) root_topic: &'static str,
    /// Paths of the datasets that may be the clock, and what they count in ns.
    clocks: Vec<(&'static str, i64)>,
    /// Whether datasets called `index` list the rows that count.
    pub(super) lists_valid: bool,
    pub(super) physics: Option<Arc<Physics>>,
    /// By camera, the bytes of each picture that count.
    pub(super) lengths: BTreeMap<String, Arc<[u64]>>,
    /// Times of the rows, ns, where there is a clock.
    pub(super) row_times: Option<Arc<[i64]>>,
    /// Times of cameras' frames, ns, by the number of the camera.
    pub(super) camera_times: BTreeMap<String, Arc<[i64]>>,
    pub(super) facts: Facts,
}

/// The format of an HDF5 file, by the names in it.
pub(crate) fn format_of(path: &Path) -> Result<Format, Error> {
    let file = open(path)?;
    let names = |path: &str| -> Vec<String> {
        let object = file.find(path).and_then(|at| file.object(at).ok());
        object.iter().flat_map(Object::links).map(|link| link.name.clone()).collect()
    };
    let root = names("");
    let has = |names: &[String], name: &str| names.iter().any(|found| found == name);
    Ok(if has(&root, "data") && names("data").iter().any(|name| name.starts_with("demo")) {
        Format::Robomimic
    } else if has(&root, "puppet")
        || has(&root, "tiangong")
        || (has(&root, "franka") && has(&root, "observations"))
    {
        Format::Robomind
    } else if has(&root, "observations") && has(&names("observations"), "qpos") {
        Format::Aloha
    } else if has(&root, "state") && has(&root, "action") && has(&root, "timestamp") {
        Format::AgibotWorld
    } else if has(&root, "action") && has(&names("observation"), "timestamp") {
        Format::DroidRaw
    } else {
        Format::Hdf5
    })
}

/// The recordings of a file.
pub(crate) fn recordings(path: &Path, format: Format) -> Result<Vec<Recording>, Error> {
    let name = name_of(path);
    if format != Format::Robomimic {
        // Of files that all bear one name, the folder tells them apart.
        let folder = path.parent().map(name_of).unwrap_or_default();
        let name = match format {
            Format::AgibotWorld => agibot::name(path),
            _ if FILES.contains(&name.as_str()) && folder == "data" => {
                path.parent().and_then(Path::parent).map(name_of).unwrap_or(folder)
            }
            _ if FILES.contains(&name.as_str()) => folder,
            _ => name,
        };
        let mut files = vec![path.to_owned()];
        match format {
            Format::AgibotWorld => files.extend(agibot::videos(path)),
            Format::DroidRaw => files.extend(droid::videos(path)),
            _ => {}
        }
        return Ok(vec![Recording { name, files, extent: None }]);
    }
    let file = open(path)?;
    let data = file.find("data").and_then(|at| file.object(at).ok());
    let mut demos: Vec<String> = data.iter().flat_map(Object::links).map(|link| link.name.clone()).collect();
    demos.retain(|demo| demo.starts_with("demo"));
    demos.sort_by_cached_key(|demo| by_number(demo));
    let recording = |demo: String| Recording {
        name: format!("{name} {demo}"),
        files: vec![path.to_owned()],
        extent: Some(Extent { from: 0, to: 0, label: Some(format!("data/{demo}")) }),
    };
    Ok(demos.into_iter().map(recording).collect())
}

/// The recordings in the folders of a dataset that has a file for each; `None` where there are none.
pub(crate) fn in_folder(root: &Path) -> Result<Option<(Format, Vec<Recording>)>, Error> {
    let mut found = Vec::new();
    let mut open_folders = vec![(root.to_owned(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = open_folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            seen += 1;
            if seen > MAX_FILES {
                return Err(Error::content(root, format!("at most {MAX_FILES} files"), "more"));
            }
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && depth < MAX_DEPTH {
                open_folders.push((path, depth + 1));
            } else if FILES.contains(&name_of(&path).as_str()) {
                found.push(path);
            }
        }
    }
    found.sort_by_cached_key(|path| by_number(&path.to_string_lossy()));
    let Some(first) = found.first() else { return Ok(None) };
    let format = format_of(first)?;
    let mut all = Vec::new();
    for path in &found {
        // A file that is damaged from its first byte is a recording that cannot be read, and that is said of it.
        all.extend(recordings(path, format).unwrap_or_else(|_| {
            vec![Recording { name: path.display().to_string(), files: vec![path.clone()], extent: None }]
        }));
    }
    Ok(Some((format, all)))
}

impl Layout {
    pub(super) fn of(
        file: &File,
        path: &Path,
        group: &str,
        format: Format,
        ledger: &mut Ledger,
    ) -> Result<Self, Error> {
        let root =
            file.find(group).ok_or_else(|| Error::content(path, format!("the group {group}"), "none"))?;
        let mut layout = Self {
            format,
            root,
            root_topic: if format == Format::Robomimic { "step" } else { "root" },
            clocks: Vec::new(),
            lists_valid: format == Format::AgibotWorld,
            physics: None,
            lengths: BTreeMap::new(),
            row_times: None,
            camera_times: BTreeMap::new(),
            facts: Facts::default(),
        };
        layout.attributes(file, file.root(), "", ledger);
        if root != file.root() {
            let above = group.rsplit_once('/').map_or("", |(above, _)| above);
            if let Some(at) = file.find(above).filter(|at| *at != file.root()) {
                layout.attributes(file, at, &format!("{above}."), ledger);
            }
            layout.attributes(file, root, "", ledger);
        }
        match format {
            Format::Robomimic => layout.robomimic(path, ledger),
            Format::Aloha => layout.compressed(file, ledger),
            Format::AgibotWorld => {
                layout.clocks.push(("timestamp", 1));
                agibot::facts(path, &mut layout.facts, ledger);
            }
            Format::DroidRaw => {
                layout.clocks.push(("observation/timestamp/control/step_start", 1_000_000));
                droid::facts(path, &mut layout.facts, ledger);
            }
            Format::Robomind => robomind::facts(path, &mut layout.facts, ledger),
            _ => {}
        }
        Ok(layout)
    }

    /// Attributes as notes.
    fn attributes(&mut self, file: &File, at: u64, place: &str, ledger: &mut Ledger) {
        let Ok(object) = file.object(at) else { return };
        if at != self.root {
            // What the group itself lacks is told where its rows are read.
            let group = if at == file.root() { "/" } else { place.trim_end_matches('.') };
            object.damages.iter().for_each(|damage| ledger.loss(group, damage.to_string()));
        }
        for (name, value) in &object.attributes {
            let key = format!("hdf5.{place}{name}");
            match words(value) {
                Some(text) if text.len() <= MAX_NOTE_BYTES => {
                    self.facts.notes.insert(key, text);
                }
                _ => ledger.loss(key, "it is longer than a note or of another kind, and is left out"),
            }
        }
    }

    /// The environment's own account: its rate, and the model that gives the states their names.
    fn robomimic(&mut self, path: &Path, ledger: &mut Ledger) {
        let json = |key: &str| {
            let text = self.facts.notes.get(key)?;
            serde_json::from_str::<serde_json::Value>(text).ok()
        };
        let frequency = json("hdf5.data.env_args")
            .and_then(|env| env.pointer("/env_kwargs/control_freq").and_then(serde_json::Value::as_f64))
            .or_else(|| json("hdf5.data.env_info")?.get("control_freq")?.as_f64());
        self.facts.rate_hz = frequency.filter(|rate_hz| rate_hz.is_finite() && *rate_hz > 0.0);
        let Some(model) = self.facts.notes.get("hdf5.model_file").cloned() else { return };
        let model = if model.trim_start().starts_with('<') { Ok(model) } else { model_beside(path, &model) };
        match model.and_then(|model| Physics::of(&model)) {
            Ok(physics) => self.physics = Some(Arc::new(physics)),
            Err(why) => ledger.note("states", format!("their numbers stay without names: the model: {why}")),
        }
    }

    /// Pictures of ALOHA that are filled up to one length: `compress_len` has the bytes of each, by camera.
    fn compressed(&mut self, file: &File, ledger: &mut Ledger) {
        let Some(at) = file.find("compress_len") else { return };
        let images = file.find("observations/images").and_then(|at| file.object(at).ok());
        let cameras: Vec<String> =
            images.iter().flat_map(Object::links).map(|link| link.name.clone()).collect();
        let dataset = match file.object(at).map(|object| object.kind) {
            Ok(Kind::Dataset(dataset)) => *dataset,
            _ => return,
        };
        let rows = dataset.rows();
        if rows != cameras.len() as u64 {
            let message =
                format!("it has {rows} rows for {} cameras: pictures keep their padding", cameras.len());
            return ledger.note("compress_len", message);
        }
        let Ok((mut lengths, _)) = Rows::open(file, dataset) else { return };
        for (row, camera) in (0..).zip(cameras) {
            let numbers: Option<Vec<u64>> = match lengths.value(row) {
                Ok(Value::Numbers(values)) => Some(values.iter().map(|value| *value as u64).collect()),
                Ok(Value::List(values)) => {
                    values.iter().map(|value| whole(value).and_then(|value| value.try_into().ok())).collect()
                }
                _ => None,
            };
            if let Some(numbers) = numbers {
                self.lengths.insert(camera, numbers.into());
            }
        }
        self.clocks.push(("compress_len", 0));
    }

    /// Whether a dataset is the clock or what the layout itself has used.
    pub(super) fn is_clock(&self, path: &str) -> bool {
        self.clocks.iter().any(|(clock, ns)| *clock == path && (*ns == 0 || self.row_times.is_some()))
    }

    /// The times of rows, ns.
    pub(super) fn times(
        &mut self,
        file: &File,
        datasets: &[(String, u64)],
        ledger: &mut Ledger,
    ) -> Option<Arc<[i64]>> {
        for (path, at) in datasets {
            if let Some(camera) = droid::camera(path)
                && let Ok(times) = numbers(file, *at, 1_000_000)
            {
                self.camera_times.insert(camera.to_owned(), times);
            }
        }
        if self.format == Format::Robomind {
            self.row_times = robomind::times(file, datasets, ledger);
            return self.row_times.clone();
        }
        if let (Some(physics), Some((_, at))) =
            (&self.physics, datasets.iter().find(|(path, _)| path == "states"))
        {
            match simulated(file, *at, physics) {
                Ok(times) => self.row_times = times,
                Err(why) => ledger.loss("states", format!("the simulation's time cannot be read: {why}")),
            }
            return self.row_times.clone();
        }
        let clock = self.clocks.iter().find(|(_, ns)| *ns > 0)?;
        let (_, at) = datasets.iter().find(|(path, _)| path == clock.0)?;
        match numbers(file, *at, clock.1) {
            Ok(times) => self.row_times = Some(times),
            Err(why) => ledger.loss(clock.0, format!("the clock cannot be read: {why}")),
        }
        self.row_times.clone()
    }
}

/// Whole numbers of a dataset, each times `scale`.
fn numbers(file: &File, at: u64, scale: i64) -> Result<Arc<[i64]>, String> {
    let Kind::Dataset(dataset) = file.object(at).map_err(|damage| damage.to_string())?.kind else {
        return Err("it is no dataset".to_owned());
    };
    let count = dataset.rows().min(10_000_000);
    let (mut rows, _) = Rows::open(file, *dataset).map_err(|damage| damage.to_string())?;
    let mut found = Vec::new();
    for row in 0..count {
        let value = rows.value(row).map_err(|lost| lost.why)?;
        let number = whole(&value).and_then(|number| number.checked_mul(scale));
        found.push(number.ok_or_else(|| format!("row {row} is no whole number: {value:?}"))?);
    }
    Ok(found.into())
}

/// The simulation's time in each of its states, ns; `None` where the model is not that of the states.
fn simulated(file: &File, at: u64, physics: &Physics) -> Result<Option<Arc<[i64]>>, String> {
    let Kind::Dataset(dataset) = file.object(at).map_err(|damage| damage.to_string())?.kind else {
        return Err("it is no dataset".to_owned());
    };
    let count = dataset.rows().min(10_000_000);
    if !dataset.row_elements().is_some_and(|width| physics.fits(width as usize)) {
        return Ok(None);
    }
    let (mut rows, _) = Rows::open(file, *dataset).map_err(|damage| damage.to_string())?;
    let (mut times, mut row) = (Vec::new(), 0);
    while row < count {
        match rows.value(row) {
            Ok(Value::Numbers(state)) => {
                let time_s = state.first().copied().filter(|time_s| (0.0..1e9).contains(time_s));
                let time_s = time_s.ok_or_else(|| format!("row {row} has no time from 0 on"))?;
                times.push((time_s * 1e9).round() as i64);
                row += 1;
            }
            Ok(_) => return Err("its rows are no numbers".to_owned()),
            // Where states are lost, so is their time.
            Err(lost) => {
                let until = lost.until.min(count);
                times.resize(until as usize, NO_TIME);
                row = until;
            }
        }
    }
    Ok(Some(times.into()))
}

/// A value in words: text as it is, few numbers with blanks between them.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.to_string()),
        Value::Large(value) => Some(value.to_string()),
        Value::Float(value) => Some(value.to_string()),
        Value::Null => Some(String::new()),
        Value::Numbers(values) => Some(values.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")),
        Value::List(values) => Some(values.iter().map(words).collect::<Option<Vec<_>>>()?.join(" ")),
        Value::Time(_) | Value::Bytes(_) | Value::Struct(_) => None,
    }
}

/// A model that lies beside the recording, as older files name it.
fn model_beside(path: &Path, name: &str) -> Result<String, String> {
    let relative = Path::new(name);
    if relative.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(format!("`{name}` leads out of the recording's folder"));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let places: [PathBuf; 2] = [folder.join("models").join(relative), folder.join(relative)];
    let place = places.iter().find(|place| place.is_file()).ok_or_else(|| format!("{name} is not there"))?;
    text(place)
}

/// The text of a file that is not too long.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut text = String::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(MAX_TEXT_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_TEXT_BYTES {
        return Err(format!("{}: expected at most {MAX_TEXT_BYTES} bytes, found more", path.display()));
    }
    Ok(text)
}
