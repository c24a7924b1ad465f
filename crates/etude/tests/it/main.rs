//! The command as its users meet it: the built program is run, and its words, files and exit codes are looked at.

mod demo;
mod episode;
mod errors;
mod help;
mod real;
mod recordings;
mod robot;
mod run;
mod terminal;
