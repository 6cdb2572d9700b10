//! How does a configuration look that explains itself?

use std::path::Path;

use terms::{OrganisationId, WabaId};

use super::{
    Answers,
    agent::Agent,
    others::{Number, Organisation, Others},
    secret_path,
    upstream::Upstream,
};

/// The file's text; secrets are named by their files, which lie beside it.
pub(super) fn toml(answers: &Answers, path: &Path) -> String {
    let advertised = match answers.public_ip {
        Some(ip) => format!("advertised = [\"{ip}\"]\n"),
        None => "# advertised = [\"203.0.113.20\"]\n".to_owned(),
    };
    [
        "# The gateway of WhatsApp numbers, written by `offhook init`. An unknown key is an error.\n".into(),
        "# Relative paths count from this file's folder; secrets lie in files of their own.\n\n".into(),
        "# Where HTTP listens: the agents' console, the API, /webhooks/whatsapp.\n".into(),
        format!("http = \"{}\"\n", answers.listen),
        "# What programs send as bearer token.\n".into(),
        format!("api_key_file = {}\n", file_name(path, "api-key")),
        "# Records and the inbox of webhooks. Keep it over restarts.\n".into(),
        format!("data_dir = {}\n", quoted(&answers.data.to_string_lossy())),
        "# What callers hear when no agent answers; without it such calls are rejected.\n".into(),
        "# A step with bot = \"ivr\" is a menu that needs no prompts, bot = \"echo\" a test of the sound.\n".into(),
        "# flow = \"flow.toml\"\n".into(),
        "# How long agents ring, and how long live calls may go on after SIGTERM.\n".into(),
        "ring_for_s = 20\ndrain_for_s = 60\n".into(),
        "# Reverse proxies whose X-Forwarded-Proto is believed.\n".into(),
        "# trusted_proxies = [\"127.0.0.1\"]\n\n".into(),
        "# HTTPS without a proxy. Both files are read again when they change.\n".into(),
        "# [tls]\n# certificate = \"tls.pem\"\n# key = \"tls.key\"\n\n".into(),
        "[number]\n".into(),
        format!("phone_number_id = \"{}\"\n", answers.phone_number_id),
        format!("digits = \"{}\"\n", answers.number.as_str()),
        given("name", answers.name.as_deref(), "\"…\""),
        "\n[upstream]\n".into(),
        upstream(&answers.upstream, path),
        numbers(&answers.others, path),
        "\n[media]\n# Where WhatsApp's audio arrives: one UDP port for each call.\n".into(),
        format!("bind_ip = \"{}\"\nports = [10000, 29999]\n", answers.bind_ip),
        "# What the far ends are told, when it is not where media is bound.\n".into(),
        advertised,
        "# The one UDP port of the agents' browsers.\n".into(),
        format!("browsers = \"{}\"\n", std::net::SocketAddr::new(answers.bind_ip, answers.browsers_port)),
        price(&answers.upstream),
        events(),
        recording(),
        "# Who takes calls; again for another. The role is agent, supervisor, admin or auditor.\n[[agents]]\n".into(),
        agent(&answers.agent),
        organisations(&answers.others, path),
    ]
    .concat()
}

fn given(key: &str, value: Option<&str>, example: &str) -> String {
    match value {
        Some(text) => format!("{key} = {}\n", quoted(text)),
        None => format!("# {key} = {example}\n"),
    }
}

fn upstream(upstream: &Upstream, path: &Path) -> String {
    let signed = match &upstream.app_secret {
        Some(ending) => format!("app_secret_file = {}\n", file_name(path, ending)),
        None => "# app_secret_file = \"…\"   # without it webhooks are taken unsigned\n".into(),
    };
    let usual = "\"…\"   # when not at its usual place";
    [
        format!("edition = \"{}\"\n", upstream.edition.as_str()),
        given("base_url", upstream.base_url.as_deref(), usual),
        format!("token_file = {}\n", file_name(path, &upstream.token)),
        "# What webhooks are signed with.\n".into(),
        signed,
        "# What the platform says when it checks the webhook's address.\n".into(),
        format!("verify_token_file = {}\n", file_name(path, &upstream.verify_token)),
    ]
    .concat()
}

/// Whose rules and prices hold: Meta's at its own place, the sandbox's elsewhere.
fn price(upstream: &Upstream) -> String {
    let rules =
        ["[price]", "rulebook = \"2026-10\"   # `offhook rulebook list`", "card = \"meta\""];
    let written = match upstream.base_url {
        None => rules.map(|line| format!("{line}\n")).concat(),
        Some(_) => commented(&rules),
    };
    format!(
        "\n# Which rules and rates the platform goes by; the sandbox's when absent.\n{written}\n"
    )
}

fn agent(agent: &Agent) -> String {
    let (id, password) = (&agent.id, quoted(agent.password.as_str()));
    format!("id = \"{id}\"\nrole = \"supervisor\"\npassword_hash = {password}\n")
}

/// The numbers beside the first, else how one is added.
fn numbers(others: &Others, path: &Path) -> String {
    if others.numbers.is_empty() {
        return further_number();
    }
    others.numbers.iter().map(|number| self::number(number, path)).collect()
}

fn number(number: &Number, path: &Path) -> String {
    let organisation = number.organisation.as_ref().map(OrganisationId::as_str);
    let own = number.upstream.as_ref().map_or_else(
        || "# [numbers.upstream]   # only where it is not as above\n".to_owned(),
        |own| format!("[numbers.upstream]\n{}", upstream(own, path)),
    );
    [
        "\n[[numbers]]\n".to_owned(),
        format!("phone_number_id = \"{}\"\n", number.phone_number_id),
        format!("digits = \"{}\"\n", number.digits.as_str()),
        given("name", number.name.as_deref(), "\"…\""),
        given("account", number.account.as_ref().map(WabaId::as_str), "\"…\"   # its WABA"),
        given("organisation", organisation, "\"…\"   # the first when absent"),
        own,
    ]
    .concat()
}

/// Who shares the gateway, and who signs in first there.
fn organisations(others: &Others, path: &Path) -> String {
    let Some(first) = &others.first else { return String::new() };
    let head = "\n# Who shares this gateway; none sees anything of another. What names none is the first's.\n";
    let mut text = format!("{head}[[organisations]]\nid = \"{first}\"\n");
    for Organisation { id, api_key, agent: person } in &others.organisations {
        let key = file_name(path, api_key);
        text += &format!("\n[[organisations]]\nid = \"{id}\"\napi_key_file = {key}\n");
        text += &format!("\n[[agents]]\norganisation = \"{id}\"\n{}", agent(person));
    }
    text
}

fn file_name(path: &Path, ending: &str) -> String {
    let file = secret_path(path, ending);
    quoted(&file.file_name().unwrap_or_default().to_string_lossy())
}

/// How other systems are told what happens, as a comment.
fn events() -> String {
    let lines = [
        "Who is told what happens; again for another.",
        "[[events]]",
        "name = \"crm\"",
        "url = \"https://crm.example/offhook\"",
        "secret_file = \"…\"   # whsec_ and the base64 of 24 to 64 random bytes",
        "types = [\"call.*\"]   # all when absent",
        "format = \"plain\"   # one flat JSON object; \"cloudevents\" when absent",
    ];
    commented(&lines) + "\n"
}

/// How talks are recorded, as a comment.
fn recording() -> String {
    let lines = [
        "What is recorded: nothing unless this or a flow says so.",
        "[recording]",
        "mode = \"agents\"   # or \"platform\": it records, and announces that: with `purpose` and",
        "# `announcement_language` instead of the next line",
        "announcement = \"recorded\"   # a prompt of the flow's",
        "keep_days = 90   # for ever when absent",
        "key_file = \"recording.key\"   # encrypts the files; `openssl rand -hex 32` makes one",
        "old_key_files = [\"…\"]   # those before it, while what they encrypted is kept",
        "[recording.bucket]   # files go there once they are made: S3, or what speaks like it",
        "name = \"…\"",
        "endpoint = \"https://…\"   # Amazon's when absent",
        "region = \"us-east-1\"",
        "access_key_file = \"…\"",
        "secret_key_file = \"…\"",
        "Who writes down what was said in recordings: a command, or url = \"…\" and token_file = \"…\".",
        "[transcription]",
        "command = [\"whisper-cli\", \"-m\", \"…\", \"-nt\", \"-np\", \"-f\", \"{wav}\"]",
    ];
    commented(&lines) + "\n"
}

/// How another number is added, as a comment.
fn further_number() -> String {
    let lines = [
        "Another number; again for the next. What is absent here is as above.",
        "[[numbers]]",
        "phone_number_id = \"…\"",
        "digits = \"…\"",
        "time_zone = \"America/Sao_Paulo\"",
        "flow = \"other-flow.toml\"",
        "organisation = \"…\"   # of [[organisations]], where several share the gateway",
        "[numbers.upstream]   # only where it is not as above",
        "edition = \"meta\"",
        "token_file = \"…\"",
        "app_secret_file = \"…\"",
        "verify_token_file = \"…\"",
    ];
    "\n".to_owned() + &commented(&lines)
}

fn commented(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("# {line}\n")).collect()
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
