//! What cannot be composed says why.

use crate::support::{ROBOTS, TASKS, card, models, scene};
use etude_sim::{ComposeError, Scene, SimOptions, Simulation};
use std::path::Path;

#[test]
fn a_missing_model_names_the_file_and_the_way_out() {
    let empty = tempfile::tempdir().expect("a folder");
    let error =
        Simulation::compose(&scene("flat"), &card(ROBOTS[0]), empty.path(), &SimOptions::default(), 0)
            .expect_err("no models there");
    let text = error.to_string();
    assert!(text.contains("g1_with_hands.xml") && text.contains("cargo xtask setup"), "{text}");
    assert!(text.contains("Unitree G1 Dex3"), "{text}");
}

#[test]
fn a_name_that_the_model_lacks_is_told() {
    let Some(models) = models() else { return };
    let mut card = card(ROBOTS[1]);
    card.joints[2].name = "left/third_elbow".into();
    let error = Simulation::compose(&scene("flat"), &card, &models, &SimOptions::default(), 0)
        .expect_err("no such joint");
    assert!(matches!(&error, ComposeError::NotInModel { name, .. } if name == "left/third_elbow"), "{error}");
}

#[test]
fn scenes_are_checked_when_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = Scene::load(folder.path()).expect_err("an empty folder").to_string();
    assert!(error.contains("scene.toml"), "{error}");
    let flat = crate::support::workspace().join("scenes/flat");
    std::fs::copy(flat.join("scene.xml"), folder.path().join("scene.xml")).expect("a copy");
    let text = std::fs::read_to_string(flat.join("scene.toml")).expect("a scene");
    let write = |text: &str| std::fs::write(folder.path().join("scene.toml"), text).expect("a file");
    write(&text.replace("object = \"can\"", "object = \"cat\""));
    let error = Scene::load(folder.path()).expect_err("no such object").to_string();
    assert!(error.contains("`cat`"), "{error}");
    write(&text.replace("schema = 1", "schema = 1\ncolour = 2"));
    assert!(Scene::load(folder.path()).is_err(), "an unknown key");
}

#[test]
fn cards_name_a_grasp_for_every_task() {
    for robot in ROBOTS {
        let card = card(robot);
        let setup = card.simulation.as_ref().expect("a section [simulation]");
        for (name, task) in TASKS {
            assert!(scene(name).task(task).is_some());
            assert!(setup.grasps.iter().any(|grasp| grasp.task == task), "{robot} {task}");
        }
        assert!(Path::new(&card.kinematics.expect("a model").path).is_relative());
    }
}
