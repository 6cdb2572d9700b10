//! Every repository task, behind `cargo xtask`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to its terminal")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod demo;
mod fuzz;
mod second_account;
mod setup;
mod shell;
mod soak;
mod stages;
mod suites;
mod test;
mod tidy;
mod web;

/// Repository tasks of Offhook.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Sets everything up, builds the web and the release binary, and starts the demo.
    ///
    /// Example: `cargo xtask demo -- --no-open`
    Demo(demo::DemoArgs),
    /// Sets everything up and runs every test, printing each stage with its time.
    ///
    /// Example: `cargo xtask test --no-browser`
    Test(test::TestArgs),
    /// Checks the house's own order: sizes, dependencies, licences, links.
    ///
    /// Example: `cargo xtask tidy`
    Tidy,
    /// Builds the pages into web/dist.
    ///
    /// Example: `cargo xtask web`
    Web,
    /// Runs a benchmark.
    ///
    /// Examples: `cargo xtask bench media`, `cargo xtask bench platform --json`
    Bench(bench::BenchArgs),
    /// Runs the long form of a test that `test` runs bounded.
    ///
    /// Examples: `cargo xtask soak sim --seeds 5000`, `cargo xtask soak stories --count 60000`
    Soak(soak::SoakArgs),
}

fn main() -> ExitCode {
    let done = match Args::parse().task {
        Task::Demo(args) => demo::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Tidy => tidy::run(),
        Task::Web => web::build(),
        Task::Bench(args) => bench::run(&args),
        Task::Soak(args) => soak::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
