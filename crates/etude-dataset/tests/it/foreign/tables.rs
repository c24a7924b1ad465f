//! Real tables of touch and force.

use super::{assert_said, card, import_at, importer, positions, repository, samples};
use crate::data;
use etude_model::{ClockKind, Sample};
use std::fs;

// shows: csv read-real
#[test]
fn each_row_of_a_table_of_grasps_is_a_take() {
    let Some(root) = data("biotac_sp_grasp_csv") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mapping = repository("mappings/biotac_sp_table.toml");
    let table = root.join("bts3v2_palm_45.csv");
    let importer = importer(&table, &mapping, &card("cmu_leap_right")).expect("a source");
    assert_eq!(importer.source().recordings.len(), 1058 + 1075);
    let text = fs::read_to_string(&table).expect("a table");
    for place in [0, 1, 2132] {
        let (episode, imported) = import_at(&importer, place, folder.path());
        let cells: Vec<&str> = text.lines().nth(place + 1).expect("a row").split(',').collect();
        assert_eq!(imported.manifest.notes["object"], cells[0]);
        assert_eq!(imported.manifest.notes["outcome"], if cells[1] == "1" { "failure" } else { "success" });
        assert_eq!(imported.manifest.clock, ClockKind::Synthetic { rate_hz: 1.0 });
        let Sample::Tactile(touch) = &samples(&episode, "/robot/tactile/thumb")[0].1 else {
            panic!("no touch")
        };
        let wanted: Vec<f32> = cells[50..74].iter().map(|cell| cell.parse().expect("a number")).collect();
        assert_eq!(touch.values, wanted);
        assert!(imported.problems.is_empty(), "{:?}", imported.problems);
    }
}

#[test]
fn each_block_of_a_table_of_failures_is_a_take() {
    let Some(root) = data("uci_robot_failures_ft") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mapping = repository("mappings/uci_robot_failures_table.toml");
    for (file, takes) in [("lp1.data", 88), ("lp4.data", 117)] {
        let importer = importer(&root.join(file), &mapping, &card("franka_panda")).expect("a source");
        assert_eq!(importer.source().recordings.len(), takes, "{file}");
        let (episode, imported) = import_at(&importer, takes - 1, folder.path());
        assert_eq!(positions(&episode, "/imported/wrist").len(), 15, "{file}");
        assert!(imported.manifest.notes.contains_key("table.label"));
        assert!(imported.problems.is_empty(), "{:?}", imported.problems);
    }
    let importer = importer(&root.join("lp1.data"), &mapping, &card("franka_panda")).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    assert_eq!(imported.manifest.notes["table.label"], "normal");
    assert_eq!(positions(&episode, "/imported/wrist")[0], [-1.0, -1.0, 63.0, -3.0, -1.0, 0.0]);
    let stamp = samples(&episode, "/imported/wrist")[14].0;
    assert_eq!((stamp.log.ns(), stamp.device), (294_000_000, None));
}

#[test]
fn rows_of_another_width_are_lost_and_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.csv");
    fs::write(&path, "t,a\n0.0,1\n0.5,2,9\n1.0\n1.5,x\n2.0,5\n").expect("a file");
    let mapping = "schema = 1\nformat = \"table\"\n[clock]\ntime = \"stamp\"\nstamp = \"t\"\n[[stream]]\ntopic = \"/imported/a\"\n\
                   kind = \"joint_states\"\nfrom = \"table\"\nposition = { field = \"a\", unit = \"unknown\" }\nchannels = [{ name = \"a\" }]\n";
    let importer = importer(&path, mapping, &card("franka_panda")).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    assert_eq!(positions(&episode, "/imported/a"), [[1.0], [5.0]]);
    assert_said(
        &imported.problems,
        true,
        &["table", "2 of 5 messages cannot be read: row 2: expected 2 cells, found 3"],
    );
    assert_said(&imported.problems, true, &["/imported/a", "it has no numbers in a"]);
    assert_eq!(imported.closed.streams[0].missing, 3);
    assert_eq!(samples(&episode, "/imported/a")[1].0.log.ns(), 2_000_000_000);
}
