//! Recordings in HDF5: robosuite's own files in place, those of other makers as their layouts are published.

use super::{assert_said, card, import_at, importer, positions, repository, samples};
use crate::data;
use etude_dataset::foreign::{Error, Format, Mapping, Source, draft};
use etude_episode::Episode;
use etude_model::{ClockKind, Sample};
use std::fs;

// shows: robosuite read-real
#[test]
fn robosuite_comes_in_with_the_names_of_its_model() {
    let Some(root) = data("robosuite_hdf5/v1.4.0_panda_lift") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mapping = repository("mappings/robosuite_panda.toml");
    let importer = importer(&root, &mapping, &card("franka_panda")).expect("an importer");
    let names: Vec<&str> =
        importer.source().recordings.iter().map(|recording| recording.name.as_str()).collect();
    assert_eq!(importer.source().format, Format::Robomimic);
    assert_eq!(names, (1..=3).map(|number| format!("demo.hdf5 demo_{number}")).collect::<Vec<_>>());
    let rows = [482, 510, 392];
    for (place, rows) in rows.into_iter().enumerate() {
        let (path, imported) = import_at(&importer, place, folder.path());
        assert!(imported.problems.iter().all(|problem| !problem.loss), "{place}: {:?}", imported.problems);
        assert_eq!(imported.manifest.clock, ClockKind::Simulated);
        assert_eq!(positions(&path, "/robot/joint_states").len(), rows);
    }
    let path = folder.path().join("0.mcap");
    let states = samples(&path, "/robot/joint_states");
    // Read by h5py: states[1], the second row of demo_1; MuJoCo's position 1 and velocity 10 are joint 1's.
    let (stamp, Sample::JointStates(second)) = &states[1] else { panic!("joint states") };
    assert_eq!(stamp.log.ns(), 50_000_000);
    assert_eq!((second.position.len(), second.velocity.len()), (9, 9));
    let cube = samples(&path, "/scene/cube/pose");
    let (_, Sample::Pose(cube)) = &cube[0] else { panic!("a pose") };
    assert!((0.7..0.95).contains(&cube.pose.position_m[2]), "{cube:?}");
    let manifest = Episode::open(&path).expect("an episode").manifest().clone();
    assert!(manifest.notes["hdf5.data.env_info"].contains("OSC_POSE"));
    assert!(manifest.notes["hdf5.model_file"].starts_with("<mujoco"));
}

#[test]
fn older_robosuite_is_drafted_with_and_without_its_model() {
    let Some(root) = data("robosuite_hdf5") else { return };
    let baxter = card("rethink_baxter");
    let source = Source::open(&root.join("v0.1.0_BaxterLift"), None).expect("a source");
    let text = draft(&source, &baxter).expect("a draft");
    for line in [
        "format = \"robomimic\"",
        "# step: float64, 1793 messages, 95.",
        "from = \"step\"",
        "names = \"states.name\"",
        "name = \"right_s0\"",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    let refused = Mapping::from_toml(&text, "draft");
    assert!(matches!(refused, Err(Error::Questions { .. })));

    let source = Source::open(&root.join("v0.1.0_SawyerLift/demo.hdf5"), None).expect("a source");
    let mut records = source.read(&source.recordings[0]).expect("records");
    let mut rows = 0;
    while let Some(record) = records.next(&|_| true) {
        assert_eq!(record.log_ns, None);
        rows += 1;
    }
    assert_eq!(rows, 1058);
    let problems = records.ledger().all_problems();
    assert_said(&problems, false, &["states", "without names", "model_1.xml is not there"]);
    assert_said(&problems, false, &["left_dpos", "holds nothing"]);
}

/// A copy that ends early: the tables of names stand before the rows, so what is before the cut comes in.
#[test]
fn a_cut_file_gives_the_rows_before_the_cut() {
    let Some(root) = data("robosuite_hdf5/v1.4.0_panda_lift") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let whole = fs::read(root.join("demo.hdf5")).expect("a file");
    let count = |part: usize| {
        let path = folder.path().join("cut.hdf5");
        fs::write(&path, &whole[..whole.len() * part / 100]).expect("a file");
        let Ok(source) = Source::open(&path, None) else { return (0, 0) };
        let (mut rows, mut losses) = (0, 0);
        for recording in &source.recordings {
            let Ok(mut records) = source.read(recording) else {
                losses += 1;
                continue;
            };
            while records.next(&|_| true).is_some() {
                rows += 1;
            }
            losses += records.ledger().all_problems().iter().filter(|problem| problem.loss).count();
        }
        (rows, losses)
    };
    let found: Vec<(usize, usize)> = [100, 95, 75, 50, 25, 5].into_iter().map(count).collect();
    assert_eq!(found[0], (482 + 510 + 392, 0));
    for pair in found.windows(2) {
        assert!(pair[1].0 <= pair[0].0, "{found:?}");
    }
    for (rows, losses) in &found[1..] {
        assert!(*rows == 0 || *losses > 0, "{found:?}");
    }
    eprintln!("{found:?}");
    assert!(found[2].0 > 500, "{found:?}");
}
