//! Offhook: both sides of WhatsApp calling, in one binary.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod call;
mod clock;
mod demo;
mod doctor;
mod gateway;
mod init;
mod load;
mod output;
mod platform;
mod quote;
mod rulebook;
mod stop;
mod token;
mod trigger;

/// Both sides of WhatsApp calling: the Cloud API Calling server, and the business's gateway.
#[derive(Debug, Parser)]
#[command(
    name = "offhook",
    version,
    propagate_version = true,
    after_help = "Example: offhook demo"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs platform and gateway together, seeded: hear a call in five minutes.
    Demo(demo::DemoArgs),
    /// Runs the Cloud API Calling server.
    Platform(platform::PlatformArgs),
    /// Runs the business's side.
    Gateway(gateway::GatewayArgs),
    /// Asks for what a gateway must know and writes its configuration.
    Init(init::InitArgs),
    /// Examines a gateway: configuration, credentials, network, SDP; or one call.
    Doctor(doctor::DoctorArgs),
    /// Places or takes a call as a user, and says what was heard.
    Call(call::CallArgs),
    /// Plays many users and agents at once, and says what the servers carried.
    Load(load::LoadArgs),
    /// Reads or moves the platform's test clock.
    Clock(clock::ClockArgs),
    /// Makes the platform emit a webhook, or something happen.
    Trigger(trigger::TriggerArgs),
    /// Lists, shows and compares the rulebooks.
    Rulebook(rulebook::RulebookArgs),
    /// Prices a call before it is made.
    Quote(quote::QuoteArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(words) => return output::usage(&words),
    };
    output::log_to_stderr();
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("nothing installed a TLS provider before the first line of main");
    match args.command {
        Command::Demo(args) => demo::run(args).await,
        Command::Platform(args) => platform::run(args).await,
        Command::Gateway(args) => gateway::run(args).await,
        Command::Init(args) => init::run(args),
        Command::Doctor(args) => doctor::run(&args).await,
        Command::Call(args) => call::run(&args).await,
        Command::Load(args) => load::run(&args).await,
        Command::Clock(args) => clock::run(&args).await,
        Command::Trigger(args) => trigger::run(&args).await,
        Command::Rulebook(args) => rulebook::run(&args),
        Command::Quote(args) => quote::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn without_example(command: &clap::Command, path: &str) -> Vec<String> {
        let path = format!("{path} {}", command.get_name());
        let help = command.clone().render_long_help().to_string();
        let mine = (!help.contains("Example:")).then(|| path.clone());
        let others = command.get_subcommands().flat_map(|each| without_example(each, &path));
        mine.into_iter().chain(others).collect()
    }

    #[test]
    fn every_command_shows_an_example() {
        assert_eq!(without_example(&Args::command(), ""), [] as [String; 0]);
    }
}
