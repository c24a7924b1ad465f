//! Where the folder of embodiment cards and the folder of robot models are.
//!
//! Flag, then environment variable, then searched: upward from the current folder, upward from the program, and last the
//! workspace that the program was built in.

use crate::environment;
use crate::hint::Advised;
use std::env;
use std::path::{Path, PathBuf};

/// The folder of embodiment cards.
pub(crate) fn robots(flag: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = find(flag, environment::ROBOTS, "robots", has_cards)?;
    folder.ok_or_else(|| {
        Advised::new(
            "no folder of embodiment cards is found: expected `robots/` with a `card.toml` in its folders",
            format!(
                "run in the folder of Etude's sources, or name the folder with --robots or {}",
                environment::ROBOTS
            ),
        )
        .into()
    })
}

/// The folder of robot models.
pub(crate) fn models(flag: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = find(flag, environment::MODELS, ".deps/robots", Path::is_dir)?;
    folder.ok_or_else(|| {
        Advised::new(
            "no robot models are found: expected them in `.deps/robots/`",
            format!(
                "`cargo xtask setup` fetches them; others are named with --models or {}",
                environment::MODELS
            ),
        )
        .into()
    })
}

fn find(
    flag: Option<&Path>,
    variable: &str,
    name: &str,
    fits: impl Fn(&Path) -> bool,
) -> anyhow::Result<Option<PathBuf>> {
    if let Some(folder) = flag.map(Path::to_owned).or_else(|| environment::folder(variable)) {
        if !folder.is_dir() {
            let message = format!("{} is no folder", folder.display());
            return Err(Advised::new(
                message,
                format!("the folder `{name}` is expected; is the path right?"),
            )
            .into());
        }
        return Ok(Some(folder));
    }
    let program = env::current_exe().ok();
    let starts = [env::current_dir().ok(), program, Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")))];
    let mut candidates =
        starts.iter().flatten().flat_map(|start| start.ancestors()).map(|folder| folder.join(name));
    Ok(candidates.find(|folder| fits(folder)))
}

/// Whether a folder has cards: somebody else's folder may be called `robots` too.
fn has_cards(folder: &Path) -> bool {
    cards(folder).next().is_some()
}

/// The cards of a folder, sorted by their names: `(name, file)`.
pub(crate) fn cards(folder: &Path) -> impl Iterator<Item = (String, PathBuf)> + use<> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut cards: Vec<(String, PathBuf)> = entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path().join("card.toml")))
        .filter(|(_, file)| file.is_file())
        .collect();
    cards.sort();
    cards.into_iter()
}
