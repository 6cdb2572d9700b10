//! What must a gateway's configuration say, and who knows it? Asks, and writes it down with comments.
//!
//! Every answer has a flag; with `--yes` nothing is asked. Secrets never stand in the configuration: each
//! goes to a file of its own beside it that only its owner can read, the agent's password is hashed.
//! After the first number more can be added, of the same or of other accounts, platforms and organisations.
//! What was written is read back the way the gateway reads it, before anybody is told that it is there.

use std::{
    fs::OpenOptions,
    io::Write,
    net::{IpAddr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use ::gateway::Config;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use terms::{AgentId, PhoneNumberId, WaId};

use crate::output;

mod agent;
mod ask;
mod others;
mod upstream;
mod write;

use agent::Agent;
use ask::Asker;
use others::{Also, Others};
use upstream::{EditionWord, Upstream, variable};

/// Arguments of `offhook init`; what is not given is asked.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: offhook init --config gateway.toml\n\nFor machines: offhook init --yes --json \
                  --phone-number-id 109876543210987 --number 551140000000 --token-env TOKEN \
                  --app-secret-env APP_SECRET --public-ip 203.0.113.20"
)]
pub(crate) struct InitArgs {
    /// The file to write; secrets lie beside it.
    #[arg(long, default_value = "gateway.toml")]
    config: PathBuf,
    /// Overwrites what is there.
    #[arg(long)]
    force: bool,
    /// Asks nothing: takes flags and defaults.
    #[arg(long)]
    yes: bool,
    /// Prints what was written as JSON; questions go to standard error.
    #[arg(long)]
    json: bool,
    /// Whose front door.
    #[arg(long)]
    edition: Option<EditionWord>,
    /// The business number's id at the platform.
    #[arg(long)]
    phone_number_id: Option<PhoneNumberId>,
    /// The business number, in digits with its country.
    #[arg(long, value_name = "DIGITS")]
    number: Option<WaId>,
    /// The business's name.
    #[arg(long)]
    name: Option<String>,
    /// Where the API is, when not at its usual place.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The variable that holds the access token, or 360dialog's API key.
    #[arg(long, value_name = "VARIABLE")]
    token_env: Option<String>,
    /// The variable that holds the app secret.
    #[arg(long, value_name = "VARIABLE")]
    app_secret_env: Option<String>,
    /// A further number, such as `id=2098…,digits=5215550009999,organisation=brisa,token-env=BRISA`; without
    /// keys of its own it has the first number's. Keys: id, digits, name, account, organisation, edition,
    /// base-url, token-env, app-secret-env. May be given again.
    #[arg(long, value_name = "KEY=VALUE,…")]
    also: Vec<Also>,
    /// Where HTTP listens.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Where media is bound.
    #[arg(long, value_name = "IP")]
    bind_ip: Option<IpAddr>,
    /// The address others reach media at, when that is not where it is bound.
    #[arg(long, value_name = "IP")]
    public_ip: Option<IpAddr>,
    /// The UDP port of the agents' browsers.
    #[arg(long, value_name = "PORT")]
    browsers_port: Option<u16>,
    /// The folder that keeps records and the inbox.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The first agent's log-in name.
    #[arg(long)]
    agent: Option<AgentId>,
    /// The variable that holds the first agent's password; one is made up without it.
    #[arg(long, value_name = "VARIABLE")]
    password_env: Option<String>,
}

/// What was found out.
#[derive(Debug)]
struct Answers {
    phone_number_id: PhoneNumberId,
    number: WaId,
    name: Option<String>,
    upstream: Upstream,
    others: Others,
    listen: SocketAddr,
    bind_ip: IpAddr,
    public_ip: Option<IpAddr>,
    browsers_port: u16,
    data: PathBuf,
    agent: Agent,
}

impl Answers {
    /// Everybody who can sign in.
    fn agents(&self) -> impl Iterator<Item = &Agent> {
        let others = self.others.organisations.iter().map(|each| &each.agent);
        std::iter::once(&self.agent).chain(others)
    }
}

/// One secret: what its file's name ends with, and its text.
struct SecretFile {
    ending: String,
    text: String,
}

/// Asks, writes, and says what to do next.
pub(crate) fn run(args: InitArgs) -> ExitCode {
    match init(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => output::could_not_run(&fault),
    }
}

fn init(args: InitArgs) -> Result<()> {
    let (path, force, json) = (args.config.clone(), args.force, args.json);
    // Before any question: nobody answers for nothing.
    refuse_to_overwrite(&path, force)?;
    let (answers, secrets) = answers(args)?;
    let mut files = vec![path.clone()];
    for secret in &secrets {
        let file = secret_path(&path, &secret.ending);
        refuse_to_overwrite(&file, force)?;
        files.push(file);
    }
    for (secret, file) in secrets.iter().zip(files.iter().skip(1)) {
        write_private(file, &secret.text)?;
    }
    std::fs::write(&path, write::toml(&answers, &path))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let config = Config::read(&path).context("what was written cannot be read")?;
    report(&path, &files, &config, &answers, json);
    Ok(())
}

fn answers(args: InitArgs) -> Result<(Answers, Vec<SecretFile>)> {
    let mut ask = if args.yes { Asker::silent() } else { Asker::terminal() };
    let edition = upstream::edition(&mut ask, args.edition)?;
    let phone_number_id =
        ask.value("Phone number id", args.phone_number_id, None, |text| Ok(text.parse()?))?;
    let number = ask.value("Business number, digits with country", args.number, None, dialled)?;
    let name = ask.optional("Business name", args.name)?;
    let mut secrets = Vec::new();
    let flags = upstream::Flags {
        base_url: args.base_url,
        token_env: args.token_env,
        app_secret_env: args.app_secret_env,
    };
    let upstream = upstream::asked(&mut ask, edition, flags, "", &mut secrets)?;
    secrets.push(SecretFile { ending: "api-key".into(), text: random_word() });
    let listen = ask
        .value("HTTP listens at", args.listen, Some("127.0.0.1:8500"), |text| Ok(text.parse()?))?;
    let bind_ip =
        ask.value("Media is bound to", args.bind_ip, Some("0.0.0.0"), |text| Ok(text.parse()?))?;
    let public_ip = ask.maybe(
        "Public address of media, empty when that is where it is bound",
        args.public_ip,
        |text| Ok(text.parse()?),
    )?;
    let browsers_port =
        ask.value("UDP port of the agents' browsers", args.browsers_port, Some("8510"), |text| {
            Ok(text.parse()?)
        })?;
    let data = ask.value("Data folder", args.data, Some("data"), |text| Ok(text.into()))?;
    let password = variable("--password-env", args.password_env)?;
    let question = "First agent's log-in name";
    let agent = agent::asked(&mut ask, question, "agent", args.agent, password)?;
    let others = others::asked(&mut ask, args.also, edition, &mut secrets)?;
    let answers = Answers {
        phone_number_id,
        number,
        name,
        upstream,
        others,
        listen,
        bind_ip,
        public_ip,
        browsers_port,
        data,
        agent,
    };
    Ok((answers, secrets))
}

/// A number as people write it: +55 (11) 4000-0000.
fn dialled(text: &str) -> Result<WaId> {
    let digits: String = text.chars().filter(|sign| !" +-().".contains(*sign)).collect();
    WaId::from_dialled(&digits).context("write digits with the country, such as 551140000000")
}

/// 128 random bits, to be written down by a machine or typed once by a person.
fn random_word() -> String {
    rand::random::<[u8; 16]>().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn secret_path(config: &Path, ending: &str) -> PathBuf {
    config.with_extension(ending)
}

fn refuse_to_overwrite(path: &Path, force: bool) -> Result<()> {
    if !force && path.exists() {
        bail!("{} is there already; --force overwrites it", path.display());
    }
    Ok(())
}

/// Writes a file that only its owner can read, in place of any other.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let what = || format!("cannot write {}", path.display());
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(what);
        }
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(what)?;
    writeln!(file, "{text}").with_context(what)
}

fn report(path: &Path, files: &[PathBuf], config: &Config, answers: &Answers, json: bool) {
    let first = &answers.agent;
    if json {
        let agents: Vec<_> = answers
            .agents()
            .map(|agent| json!({ "agent": agent.id, "password": agent.made_up }))
            .collect();
        let verify_token = config.lines.first.upstream.verify_token.expose();
        let written = json!({ "config": path, "files": files, "webhook_path": "/webhooks/whatsapp",
            "verify_token": verify_token, "agent": first.id, "password": first.made_up,
            "agents": agents });
        return output::say(&written.to_string());
    }
    output::say("\nWritten:");
    for file in files {
        output::say(&format!("  {}", file.display()));
    }
    for agent in answers.agents() {
        if let Some(password) = &agent.made_up {
            output::say(&format!("\nThe password of {}, shown this once:  {password}", agent.id));
        }
    }
    output::say(&format!(
        "\nStart the gateway:            offhook gateway --config {}
Webhook at the platform:      https://YOUR-ADDRESS/webhooks/whatsapp",
        path.display()
    ));
    for line in config.lines.iter() {
        let (number, token) = (line.number.digits.as_str(), &line.upstream.verify_token);
        output::say(&format!("Verify token of {number}: {}", token.expose()));
    }
}
