//! What must a gateway's configuration say, and who knows it? Asks, and writes it down with comments.
//!
//! Every answer has a flag; with `--yes` nothing is asked. Secrets never stand in the configuration: each
//! goes to a file of its own beside it that only its owner can read, the agent's password is hashed.
//! What was written is read back the way the gateway reads it, before anybody is told that it is there.

use std::{
    fs::OpenOptions,
    io::Write,
    net::{IpAddr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use ::gateway::{Config, config::HashedPassword};
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use serde_json::json;
use terms::{AgentId, PhoneNumberId, WaId};

use crate::output;

mod ask;
mod write;

use ask::Asker;

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

/// Meta's or 360dialog's front door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EditionWord {
    /// Meta's Cloud API.
    Meta,
    /// 360dialog's.
    #[value(name = "360dialog")]
    Dialog360,
}

impl EditionWord {
    fn as_str(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Dialog360 => "360dialog",
        }
    }
}

/// What was found out.
#[derive(Debug)]
struct Answers {
    edition: EditionWord,
    phone_number_id: PhoneNumberId,
    number: WaId,
    name: Option<String>,
    base_url: Option<String>,
    listen: SocketAddr,
    bind_ip: IpAddr,
    public_ip: Option<IpAddr>,
    browsers_port: u16,
    data: PathBuf,
    agent: AgentId,
    password: HashedPassword,
}

/// One secret: what its file's name ends with, and its text.
struct SecretFile {
    ending: &'static str,
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
    let (answers, secrets, made_up) = answers(args)?;
    let mut files = vec![path.clone()];
    for secret in &secrets {
        let file = secret_path(&path, secret.ending);
        refuse_to_overwrite(&file, force)?;
        files.push(file);
    }
    for (secret, file) in secrets.iter().zip(files.iter().skip(1)) {
        write_private(file, &secret.text)?;
    }
    let endings: Vec<&str> = secrets.iter().map(|secret| secret.ending).collect();
    std::fs::write(&path, write::toml(&answers, &path, &endings))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let config = Config::read(&path).context("what was written cannot be read")?;
    report(&path, &files, &config, &answers.agent, made_up.as_deref(), json);
    Ok(())
}

fn answers(args: InitArgs) -> Result<(Answers, Vec<SecretFile>, Option<String>)> {
    let mut ask = if args.yes { Asker::silent() } else { Asker::terminal() };
    let edition = ask.value("Edition (meta or 360dialog)", args.edition, Some("meta"), |text| {
        EditionWord::from_str(text, true).ok().context("write meta or 360dialog")
    })?;
    let phone_number_id =
        ask.value("Phone number id", args.phone_number_id, None, |text| Ok(text.parse()?))?;
    let number = ask.value("Business number, digits with country", args.number, None, |text| {
        // As people write numbers: +55 (11) 4000-0000.
        let digits: String = text.chars().filter(|sign| !" +-().".contains(*sign)).collect();
        WaId::from_dialled(&digits).context("write digits with the country, such as 551140000000")
    })?;
    let name = ask.optional("Business name", args.name)?;
    let mut secrets = Vec::new();
    let (token, app_secret) = (args.token_env, args.app_secret_env);
    let token = ask.secret(token_words(edition), variable("--token-env", token)?)?;
    let token =
        token.ok_or_else(|| anyhow!("a token is needed: --token-env names its variable"))?;
    secrets.push(SecretFile { ending: "token", text: token });
    let app_secret =
        ask.secret(app_secret_words(edition), variable("--app-secret-env", app_secret)?)?;
    match (edition, app_secret) {
        (_, Some(text)) => secrets.push(SecretFile { ending: "app-secret", text }),
        (EditionWord::Meta, None) => {
            bail!("webhooks are signed with an app secret: --app-secret-env names its variable")
        }
        (EditionWord::Dialog360, None) => {}
    }
    secrets.push(SecretFile { ending: "verify-token", text: random_word() });
    secrets.push(SecretFile { ending: "api-key", text: random_word() });
    let base_url = ask.optional("API address, empty for the usual one", args.base_url)?;
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
    let agent = ask
        .value("First agent's log-in name", args.agent, Some("agent"), |text| Ok(text.parse()?))?;
    let given = ask.secret(
        "Password of that agent, empty to have one made up",
        variable("--password-env", args.password_env)?,
    )?;
    let made_up = given.is_none().then(random_word);
    let plain = given.as_ref().or(made_up.as_ref()).expect("one of both is there");
    let password = HashedPassword::hash(plain);
    let answers = Answers {
        edition,
        phone_number_id,
        number,
        name,
        base_url,
        listen,
        bind_ip,
        public_ip,
        browsers_port,
        data,
        agent,
        password,
    };
    Ok((answers, secrets, made_up))
}

fn token_words(edition: EditionWord) -> &'static str {
    match edition {
        EditionWord::Meta => "Access token",
        EditionWord::Dialog360 => "D360-API-KEY",
    }
}

fn app_secret_words(edition: EditionWord) -> &'static str {
    match edition {
        EditionWord::Meta => "App secret",
        EditionWord::Dialog360 => "App secret, empty when webhooks are not signed",
    }
}

fn variable(flag: &str, name: Option<String>) -> Result<Option<String>> {
    let Some(name) = name else { return Ok(None) };
    let text = std::env::var(&name).with_context(|| format!("{flag}: no variable {name}"))?;
    Ok(Some(text.trim().to_owned()))
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

fn report(
    path: &Path,
    files: &[PathBuf],
    config: &Config,
    agent: &AgentId,
    made_up: Option<&str>,
    json: bool,
) {
    let verify_token = config.lines.first.upstream.verify_token.expose();
    if json {
        let written = json!({ "config": path, "files": files, "webhook_path": "/webhooks/whatsapp",
            "verify_token": verify_token, "agent": agent, "password": made_up });
        return output::say(&written.to_string());
    }
    output::say("\nWritten:");
    for file in files {
        output::say(&format!("  {}", file.display()));
    }
    if let Some(password) = made_up {
        output::say(&format!("\nThe password of {agent}, shown this once:  {password}"));
    }
    output::say(&format!(
        "\nStart the gateway:            offhook gateway --config {}
Webhook at the platform:      https://YOUR-ADDRESS/webhooks/whatsapp
Verify token to enter there:  {verify_token}",
        path.display()
    ));
}
