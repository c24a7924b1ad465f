//! A layout like `RoboMIND`'s: `EPISODE/data/trajectory.hdf5` with `puppet` (what was measured), `master` (what was asked)
//! and coded pictures in `observations/rgb_images`. Pictures are PNG, so that none loses anything more.

use super::{Run, short, text};
use crate::export::{Error, Role};
use crate::hdf5::write::{Attribute, Element, Writer};
use etude_video::encode_png;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders of a dataset in the making.
pub(super) struct Trajectories {
    folder: PathBuf,
    episodes: u64,
}

impl Trajectories {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), episodes: 0 }
    }

    /// Adds a run of rows; the pictures that were written.
    pub(super) fn add(&mut self, run: &Run<'_>) -> Result<u64, Error> {
        let folder = self.folder.join(format!("episode_{:06}", self.episodes)).join("data");
        self.episodes += 1;
        fs::create_dir_all(&folder).map_err(Error::file("making the folder", &folder))?;
        let path = folder.join("trajectory.hdf5");
        let failed = |source| Error::File { doing: "writing", path: path.clone(), source };
        let mut writer = Writer::create(&path).map_err(failed)?;
        let rows = run.piece.len();
        let (mut puppet, mut master, mut other) = (Vec::new(), Vec::new(), Vec::new());
        for (place, feature) in run.plan.features.iter().enumerate() {
            let (element, dims, bytes) = run.elements(place, (0, rows));
            let at = writer.dataset(element, &dims, &bytes, &run.names(place)).map_err(failed)?;
            match feature.role {
                Role::State => puppet.push(("joint_position".to_owned(), at)),
                Role::Action => master.push(("joint_position".to_owned(), at)),
                Role::Imported | Role::Stream => other.push((short(&feature.key), at)),
            }
        }
        let mut count = 0;
        let mut cameras = Vec::new();
        if run.options.pictures {
            for (place, camera) in run.plan.cameras.iter().enumerate() {
                let mut references = Vec::new();
                run.pictures(place, &mut |_, image| {
                    let refused = |error: etude_video::PngError| Error::Video {
                        subject: camera.key.clone(),
                        message: error.to_string(),
                    };
                    let coded = encode_png(image).map_err(refused)?;
                    references.extend(writer.bytes(&coded).map_err(failed)?);
                    count += 1;
                    Ok(())
                })?;
                let at = writer.dataset(Element::Bytes, &[rows as u64], &references, &[]).map_err(failed)?;
                cameras.push((short(&camera.name), at));
            }
        }
        let rgb = writer.group(&cameras, &[]).map_err(failed)?;
        let mut observations = vec![("rgb_images".to_owned(), rgb)];
        observations.append(&mut other);
        let mut links = vec![("observations".to_owned(), writer.group(&observations, &[]).map_err(failed)?)];
        for (name, group) in [("puppet", puppet), ("master", master)] {
            if !group.is_empty() {
                links.push((name.to_owned(), writer.group(&group, &[]).map_err(failed)?));
            }
        }
        let attributes = [
            text("instruction", run.provenance.task_text()),
            text("provenance", run.provenance.to_json()),
            ("rate_hz".to_owned(), Attribute::Float(run.plan.fps.into())),
        ];
        let root = writer.group(&links, &attributes).map_err(failed)?;
        writer.finish(root).map_err(failed)?;
        Ok(count)
    }
}
