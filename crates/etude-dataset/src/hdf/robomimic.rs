//! robomimic's layout: `data/demo_N/{actions, dones, obs, next_obs}`, `data@{total, env_args}`, `mask/FILTER`.

use super::{Frames, Run, short, text};
use crate::export::{Error, Layout, Role};
use crate::hdf5::write::{Attribute, Element, Writer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file's name.
const FILE: &str = "demos.hdf5";

/// A file in the making.
pub(super) struct Demos {
    path: PathBuf,
    writer: Writer,
    takes: Vec<(String, u64)>,
    /// Names of episodes by what became of them.
    masks: BTreeMap<String, Vec<String>>,
    environment: Option<String>,
}

impl Demos {
    /// Begins the file; rows without actions are no demonstrations.
    pub(super) fn begin(folder: &Path, plan: &Layout) -> Result<Self, Error> {
        if !plan.features.iter().any(|feature| feature.role == Role::Action) {
            return Err(Error::Stream {
                subject: "robomimic".to_owned(),
                expected: "commands of the card's joints, which become actions".to_owned(),
                topic: "none".to_owned(),
            });
        }
        let path = folder.join(FILE);
        let writer = Writer::create(&path).map_err(Error::file("making the file", &path))?;
        Ok(Self { path, writer, takes: Vec::new(), masks: BTreeMap::new(), environment: None })
    }

    fn failed(&self) -> impl Fn(std::io::Error) -> Error + use<> {
        let path = self.path.clone();
        move |source| Error::File { doing: "writing", path: path.clone(), source }
    }

    /// Adds a run of rows; the pictures that were written.
    pub(super) fn add(&mut self, run: &Run<'_>) -> Result<u64, Error> {
        let failed = self.failed();
        let has_next = run.options.next_observations;
        let rows = run.piece.len() - usize::from(has_next);
        let mut links = Vec::new();
        let (mut now, mut next) = (Vec::new(), Vec::new());
        for (place, feature) in run.plan.features.iter().enumerate() {
            let attributes = run.names(place);
            let mut put = |skip: usize| {
                let (element, dims, bytes) = run.elements(place, (skip, rows));
                self.writer.dataset(element, &dims, &bytes, &attributes).map_err(&failed)
            };
            if feature.role == Role::Action {
                links.push(("actions".to_owned(), put(0)?));
                continue;
            }
            now.push((short(&feature.key), put(0)?));
            if has_next {
                next.push((short(&feature.key), put(1)?));
            }
        }
        let pictures = if run.options.pictures { self.cameras(run, rows, &mut now, &mut next)? } else { 0 };
        let mut dones = vec![0i64; rows];
        if let Some(last) = dones.last_mut() {
            *last = 1;
        }
        let dones: Vec<u8> = dones.iter().flat_map(|done| done.to_le_bytes()).collect();
        links.push((
            "dones".to_owned(),
            self.writer.dataset(Element::Int64, &[rows as u64], &dones, &[]).map_err(&failed)?,
        ));
        links.push(("obs".to_owned(), self.writer.group(&now, &[]).map_err(&failed)?));
        if has_next {
            links.push(("next_obs".to_owned(), self.writer.group(&next, &[]).map_err(&failed)?));
        }
        let name = format!("demo_{}", self.takes.len());
        let notes = &run.provenance.notes;
        let mut attributes = vec![("num_samples".to_owned(), Attribute::Int(rows as i64))];
        attributes.extend(notes.get("hdf5.model_file").map(|model| text("model_file", model)));
        attributes.push(text("instruction", run.provenance.task_text()));
        attributes.push(text("provenance", run.provenance.to_json()));
        self.environment = self.environment.take().or_else(|| Some(environment(run)));
        if let Some(outcome) = notes.get("outcome") {
            self.masks.entry(short(outcome)).or_default().push(name.clone());
        }
        let demo = self.writer.group(&links, &attributes).map_err(&failed)?;
        self.takes.push((name, demo));
        Ok(pictures)
    }

    fn cameras(
        &mut self,
        run: &Run<'_>,
        rows: usize,
        now: &mut Vec<(String, u64)>,
        next: &mut Vec<(String, u64)>,
    ) -> Result<u64, Error> {
        let failed = self.failed();
        let mut count = 0;
        for (place, camera) in run.plan.cameras.iter().enumerate() {
            let (mut frames, mut later) = (Frames::new(), Frames::new());
            let writer = &mut self.writer;
            run.pictures(place, &mut |row, image| {
                if row < rows {
                    frames.push(writer, &camera.key, image)?;
                    count += 1;
                }
                if run.options.next_observations && row > 0 {
                    later.push(writer, &camera.key, image)?;
                }
                Ok(())
            })?;
            let name = format!("{}_image", short(&camera.name));
            for (frames, links) in [(frames, &mut *now), (later, &mut *next)] {
                if let Some((pieces, _)) = &frames.pieces {
                    links.push((name.clone(), self.writer.close(pieces, &[]).map_err(&failed)?));
                }
            }
        }
        Ok(count)
    }

    /// Closes the file; `rows`: those of all episodes.
    pub(super) fn finish(mut self, rows: u64) -> Result<(), Error> {
        let failed = self.failed();
        let mut attributes = vec![("total".to_owned(), Attribute::Int(rows as i64))];
        attributes.extend(self.environment.as_ref().map(|environment| text("env_args", environment)));
        let data = self.writer.group(&self.takes, &attributes).map_err(&failed)?;
        let mut links = vec![("data".to_owned(), data)];
        let mut masks = Vec::new();
        for (mask, names) in &self.masks {
            let width = names.iter().map(String::len).max().unwrap_or(1);
            let mut bytes = Vec::new();
            for name in names {
                bytes.extend(name.as_bytes());
                bytes.resize(bytes.len().next_multiple_of(width), 0);
            }
            let element = Element::Text(width as u32);
            let dims = [names.len() as u64];
            masks.push((mask.clone(), self.writer.dataset(element, &dims, &bytes, &[]).map_err(&failed)?));
        }
        if !masks.is_empty() {
            links.push(("mask".to_owned(), self.writer.group(&masks, &[]).map_err(&failed)?));
        }
        let root = self.writer.group(&links, &[]).map_err(&failed)?;
        self.writer.finish(root).map_err(&failed)
    }
}

/// The environment's account: the one that it came with, or what is known of a real robot. Its kind is one of
/// robomimic's simulators, and stays open for what is none of them.
fn environment(run: &Run<'_>) -> String {
    if let Some(known) = run.provenance.notes.get("hdf5.data.env_args") {
        return known.clone();
    }
    serde_json::json!({
        "env_name": run.provenance.task_text(),
        "type": null,
        "env_kwargs": { "control_freq": run.plan.fps, "robots": run.plan.card.title() },
    })
    .to_string()
}
