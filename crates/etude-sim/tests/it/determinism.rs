//! The same seed and commands give the same bytes.

use crate::player::Player;
use crate::support::{TASKS, blind, card, models, play, scene};
use etude_sim::renderer::RenderError;
use etude_sim::{Picture, Renderer, SimOptions, Simulation, Snapshot};
use std::hash::{DefaultHasher, Hash, Hasher};

fn hash_of_run(simulation: &mut Simulation, models: &std::path::Path, task: &str, seed: u64) -> u64 {
    simulation.reset(task, seed).expect("a task of the scene");
    let mut player = Player::new(simulation, models);
    let mut hasher = DefaultHasher::new();
    let mut taxels = Vec::new();
    play(&mut player, simulation, |simulation| {
        let (positions, velocities) = simulation.state();
        positions.iter().chain(velocities).for_each(|value| value.to_bits().hash(&mut hasher));
        simulation.tactile("right_palm", &mut taxels).expect("a palm");
        for value in &taxels {
            value.to_bits().hash(&mut hasher);
        }
        let wrench = simulation.wrench("right_wrist_wrench").expect("a wrench");
        wrench.force_n.iter().for_each(|value| value.to_bits().hash(&mut hasher));
    });
    hasher.finish()
}

#[test]
fn states_repeat_to_the_bit() {
    let Some(models) = models() else { return };
    let (scene, task) = TASKS[0];
    let mut one = blind(&models, "trossen_aloha2", scene, 0);
    let first = hash_of_run(&mut one, &models, task, 3);
    assert_ne!(first, hash_of_run(&mut one, &models, task, 4), "another seed");
    assert_eq!(first, hash_of_run(&mut one, &models, task, 3), "after a reset");
    let mut two = blind(&models, "trossen_aloha2", scene, 9);
    assert_eq!(first, hash_of_run(&mut two, &models, task, 3), "composed anew");
}

#[test]
fn pictures_repeat_to_the_bit() {
    let Some(models) = models() else { return };
    let simulation = || {
        Simulation::compose(
            &scene("flat"),
            &card("enactic_openarm2"),
            &models,
            &SimOptions { camera_size: Some([160, 120]), ..SimOptions::default() },
            2,
        )
        .expect("a simulation")
    };
    let mut pictures: Vec<Vec<Picture>> = Vec::new();
    for _ in 0..2 {
        let simulation = simulation();
        let mut snapshot = Snapshot::default();
        simulation.snapshot(&mut snapshot);
        let mut renderer = match Renderer::new(&simulation, Some([160, 120])) {
            Err(RenderError::Unavailable { source }) => {
                eprintln!("skipped: no OpenGL without a screen ({source})");
                return;
            }
            other => other.expect("a renderer"),
        };
        let names: Vec<String> = renderer.cameras().map(str::to_owned).collect();
        assert_eq!(names, ["head", "left_wrist", "right_wrist"]);
        let draw = |name: &String| {
            let mut picture = Picture::default();
            renderer.draw(&snapshot, name, &mut picture).expect("a picture");
            picture
        };
        pictures.push(names.iter().map(draw).collect());
    }
    assert_eq!(pictures[0], pictures[1]);
    let head = &pictures[0][0];
    assert_eq!((head.width, head.height, head.rgb.len()), (160, 120, 160 * 120 * 3));
    assert_eq!(head.depth_mm.len(), 160 * 120);
    let middle = head.depth_mm[60 * 160 + 80];
    assert!((200..1500).contains(&middle), "the table is {middle} mm away");
    let mean = head.rgb.iter().map(|value| u32::from(*value)).sum::<u32>() / head.rgb.len() as u32;
    assert!((70..220).contains(&mean), "mean brightness {mean}");
}
