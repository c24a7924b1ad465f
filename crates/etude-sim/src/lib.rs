//! MuJoCo: scenes, sensors, cameras, tasks with success tests, randomisation.
