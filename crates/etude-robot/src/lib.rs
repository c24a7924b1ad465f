//! Robots behind one trait, and the safety governor that every command passes.
