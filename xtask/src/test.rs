//! Does everything hold? All set-up, then every test, each stage with its time.

use std::{process::Command, time::Instant};

use anyhow::Result;
use clap::Args;

use crate::{
    bench,
    fuzz::{self, Depth},
    setup, shell,
    stages::{Budget, Stages},
    suites, tidy, web,
};

/// What is left out, for a quick look on the way; the whole is the default.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Leaves out the browser tests.
    #[arg(long)]
    no_browser: bool,
}

pub(crate) fn run(args: &TestArgs) -> Result<()> {
    let start = Instant::now();
    let mut stages = Stages::default();
    let result = all(args, &mut stages);
    stages.print();
    println!("{:<24} {:>8.1}", "whole", start.elapsed().as_secs_f64());
    result
}

fn all(args: &TestArgs, stages: &mut Stages) -> Result<()> {
    use Budget::{Build, Tests};

    stages.run("what builds", Build, || setup::programs(setup::TO_BUILD))?;
    stages.run("npm packages", Build, setup::npm)?;
    stages.run("pages", Build, web::build)?;
    stages.run("build beside set-up", Build, build_beside_set_up)?;
    stages.run("clippy", Build, clippy)?;

    stages.run("fmt", Tests, || shell::run("cargo", &["fmt", "--all", "--check"]))?;
    stages.run("tidy", Tests, tidy::run)?;
    stages.run("docs, page types", Tests, docs_beside_page_types)?;
    stages.run("rust tests", Tests, suites::run)?;
    stages.run("far ends and relay", Tests, bench::smoke)?;
    if args.no_browser {
        stages.run("openapi fuzzer", Tests, || fuzz::run(Depth::BOUNDED))?;
        return stages
            .run("postman collections", Tests, || shell::run_command(npm("test:postman")));
    }
    stages.run("fuzzer, postman, manager", Tests, programs_and_the_manager)?;
    stages.run("browser tests", Tests, || shell::run_command(npm("test:browser")))
}

/// The manager page has no sound, so programs may keep the processors busy meanwhile.
fn programs_and_the_manager() -> Result<()> {
    std::thread::scope(|scope| {
        let manager = scope.spawn(|| shell::quietly(npm("test:manager")));
        let fuzzed = fuzz::run(Depth::BOUNDED);
        let posted = shell::run_command(npm("test:postman"));
        let manager = manager.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let managed = manager.told();
        fuzzed?;
        posted?;
        managed
    })
}

/// What is fetched waits for the network, what is compiled for the processor.
fn build_beside_set_up() -> Result<()> {
    std::thread::scope(|scope| {
        let fetching = scope.spawn(|| {
            setup::programs(setup::TO_TEST)?;
            setup::python()?;
            setup::sample_bots()?;
            setup::bucket()?;
            setup::fuzzer()
        });
        let built = shell::run("cargo", &["build", "--workspace", "--all-targets", "--locked"]);
        let fetched = fetching.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        built.and(fetched)
    })
}

fn clippy() -> Result<()> {
    shell::run(
        "cargo",
        &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
    )
}

/// What looks at the pages' types and documents keeps one processor busy, and not for long.
fn docs_beside_page_types() -> Result<()> {
    std::thread::scope(|scope| {
        let docs = scope.spawn(|| shell::quietly(docs()));
        let pages = web::check().and_then(|()| web::asyncapi());
        let docs = docs.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        docs.told()?;
        pages
    })
}

fn docs() -> Command {
    let mut doc = shell::command("cargo", &["doc", "--workspace", "--no-deps", "--locked"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    doc
}

/// A script of the pages' package against the real binary.
fn npm(script: &str) -> Command {
    let mut npm = shell::command("npm", &["run", "--silent", script]);
    npm.current_dir(shell::root().join("web"))
        .env("OFFHOOK_BIN", shell::target().join("debug/offhook"));
    npm
}
