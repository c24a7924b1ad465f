//! Composes every robot of the repository with every scene, plays the plan of the scene's task with plain inverse
//! kinematics, and writes a still of each camera at the start, in the grasp and at the end, with CPU times on stderr.
//!
//! `cargo run -p etude-sim --example stills -- FOLDER [ROBOT [CELL_MM]]`

#[path = "../tests/it/player.rs"]
mod player;

use etude_model::Card;
use etude_sim::{Picture, Renderer, Scene, SimOptions, Simulation, Snapshot};
use player::{PERIOD_S, Player};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

/// One take's cameras, stepped and drawn in turn at 30 Hz.
fn take(
    models: &Path,
    card: &Card,
    scene: &Scene,
    options: &SimOptions,
    out: &Path,
) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let mut simulation = Simulation::compose(scene, card, models, options, 1)?;
    let composed_s = began.elapsed().as_secs_f64();
    let mut renderer = Renderer::new(&simulation, None)?;
    let cameras: Vec<String> = renderer.cameras().map(str::to_owned).collect();
    let mut player = Player::new(&simulation, models);
    let until_held: f64 = player.plan.waypoints.iter().take(4).map(|stretch| stretch.duration_s).sum();
    let duration_s = player.plan.duration_s() + 1.0;
    let moments = [("start", 0.0), ("held", until_held), ("end", duration_s - 1.5)];
    let (mut snapshot, mut picture) = (Snapshot::default(), Picture::default());
    let (mut stepped_s, mut drawn_s, mut frames) = (0.0, 0.0, 0_u32);
    let mut tick = 0_u32;
    while f64::from(tick) * PERIOD_S < duration_s {
        let now = f64::from(tick) * PERIOD_S;
        let began = Instant::now();
        player.tick(&mut simulation, now);
        stepped_s += began.elapsed().as_secs_f64();
        let moment = moments.iter().find(|(_, at)| (now - at).abs() < 0.5 * PERIOD_S);
        if tick.is_multiple_of(3) || moment.is_some() {
            let began = Instant::now();
            simulation.snapshot(&mut snapshot);
            for camera in &cameras {
                renderer.draw(&snapshot, camera, &mut picture)?;
                frames += 1;
                if let Some((name, _)) = moment {
                    let slug = card.title().to_lowercase().replace(' ', "_");
                    save(&picture, &out.join(format!("{slug}-{}-{name}-{camera}.png", scene.id())))?;
                }
            }
            drawn_s += began.elapsed().as_secs_f64();
        }
        tick += 1;
    }
    eprintln!(
        "{} in {}: composed in {composed_s:.2} s; {duration_s:.1} s stepped in {stepped_s:.2} s; {frames} frames in \
         {drawn_s:.2} s; success {}",
        card.title(),
        scene.id(),
        simulation.progress().success
    );
    Ok(())
}

fn save(picture: &Picture, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut encoder = png::Encoder::new(std::fs::File::create(path)?, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&picture.rgb)?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("expected a folder for the stills")?;
    let only = arguments.next();
    let mut options = SimOptions::default();
    if let Some(cell_mm) = arguments.next() {
        options.mesh_cell_m = cell_mm.parse::<f64>()? * 1e-3;
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for robot in ["unitree_g1_dex3", "trossen_aloha2", "enactic_openarm2"] {
        if only.as_ref().is_some_and(|only| only != robot) {
            continue;
        }
        let card = std::fs::read_to_string(workspace.join("robots").join(robot).join("card.toml"))?;
        for scene in ["flat", "parcel_bay"] {
            let scene = Scene::load(&workspace.join("scenes").join(scene))?;
            let card = Card::from_toml(&card)?;
            take(&workspace.join(".deps/robots"), &card, &scene, &options, Path::new(&out))?;
        }
    }
    Ok(())
}
