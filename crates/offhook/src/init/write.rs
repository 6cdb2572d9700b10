//! How does a configuration look that explains itself?

use std::path::Path;

use super::{Answers, secret_path};

/// The file's text; secrets are named by their files, which lie beside it.
pub(super) fn toml(answers: &Answers, path: &Path, secrets: &[&str]) -> String {
    let name = |ending: &str| {
        let file = secret_path(path, ending);
        let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        quoted(&file)
    };
    let upstream = |ending: &str, key: &str| {
        if secrets.contains(&ending) {
            format!("{key} = {}\n", name(ending))
        } else {
            format!("# {key} = \"…\"   # without it webhooks are taken unsigned\n")
        }
    };
    let given = |key: &str, value: Option<String>, example: &str| match value {
        Some(text) => format!("{key} = {}\n", quoted(&text)),
        None => format!("# {key} = {example}\n"),
    };
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
        format!("api_key_file = {}\n", name("api-key")),
        "# Records and the inbox of webhooks. Keep it over restarts.\n".into(),
        format!("data_dir = {}\n", quoted(&answers.data.to_string_lossy())),
        "# What callers hear when no agent answers; without it such calls are rejected.\n".into(),
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
        given("name", answers.name.clone(), "\"…\""),
        "\n[upstream]\n".into(),
        format!("edition = \"{}\"\n", answers.edition.as_str()),
        given("base_url", answers.base_url.clone(), "\"…\"   # when not at its usual place"),
        upstream("token", "token_file"),
        "# What webhooks are signed with.\n".into(),
        upstream("app-secret", "app_secret_file"),
        "# What the platform says when it checks the webhook's address.\n".into(),
        upstream("verify-token", "verify_token_file"),
        further_number(),
        "\n[media]\n# Where WhatsApp's audio arrives: one UDP port for each call.\n".into(),
        format!("bind_ip = \"{}\"\nports = [10000, 29999]\n", answers.bind_ip),
        "# What the far ends are told, when it is not where media is bound.\n".into(),
        advertised,
        "# The one UDP port of the agents' browsers.\n".into(),
        format!("browsers = \"{}\"\n", std::net::SocketAddr::new(answers.bind_ip, answers.browsers_port)),
        "\n# [price]\n# rulebook = \"2026-10\"   # `offhook rulebook list`\n\n".into(),
        "# Who takes calls; again for another. The role is agent, supervisor, admin or auditor.\n[[agents]]\n".into(),
        format!("id = \"{}\"\nrole = \"supervisor\"\n", answers.agent),
        format!("password_hash = {}\n", quoted(answers.password.as_str())),
    ]
    .concat()
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
    lines.iter().fold("\n".to_owned(), |text, line| format!("{text}# {line}\n"))
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
