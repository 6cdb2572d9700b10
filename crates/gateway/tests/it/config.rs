//! What a configuration file may say, and how a slip in it is told.

use offhook_gateway::{Config, config::ConfigError};

const GOOD: &str = r#"
http = "127.0.0.1:0"
api_key_file = "key"
drain_for_s = 5
trusted_proxies = ["127.0.0.1"]

[number]
phone_number_id = "109876543210987"
digits = "551140000000"

[upstream]
edition = "360dialog"
token_file = "key"
verify_token_file = "key"

[[agents]]
id = "lia"
password_file = "key"
"#;

/// A folder with this configuration and the secret it names.
struct Written(tempfile::TempDir);

impl Written {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "secret\n").unwrap();
        std::fs::write(folder.path().join("gateway.toml"), text).unwrap();
        Self(folder)
    }

    fn read(&self) -> Result<Config, ConfigError> {
        Config::read(&self.0.path().join("gateway.toml"))
    }
}

/// What is wrong with this text.
fn fault(text: &str) -> String {
    Written::new(text).read().expect_err("a fault").to_string()
}

#[test]
fn a_good_file_is_read() {
    let config = Written::new(GOOD).read().unwrap();
    assert_eq!(config.drain_for.as_secs(), 5);
    assert_eq!(config.trusted_proxies.len(), 1);
    assert!(config.tls.is_none());
    assert!(config.api_key.fits("secret"));
}

#[test]
fn an_unknown_key_is_told_with_its_line_and_what_was_meant() {
    for (right, wrong, told) in [
        (
            "drain_for_s",
            "drain_fors",
            "line 4: unknown key `drain_fors`: did you mean `drain_for_s`?",
        ),
        ("digits", "digit", "line 9: unknown key `digit`: did you mean `digits`?"),
        ("token_file", "tokn_file", "line 13: unknown key `tokn_file`: did you mean `token_file`?"),
        (
            "password_file",
            "pasword_file",
            "line 18: unknown key `pasword_file`: did you mean `password_file`?",
        ),
        ("[upstream]", "[upstraem]", "line 11: unknown key `upstraem`: did you mean `upstream`?"),
    ] {
        let error = fault(&GOOD.replacen(right, wrong, 1));
        assert!(error.ends_with(told), "{error}");
    }
    let error = fault(&format!("colour = 1{GOOD}"));
    assert!(error.contains("line 1: unknown key `colour`: here stand http, "), "{error}");
}

#[test]
fn other_faults_have_their_line_too() {
    let error = fault(&GOOD.replace("drain_for_s = 5", "drain_for_s = \"5\""));
    assert!(error.contains("line 4: "), "{error}");
    let error = fault(&GOOD.replace("[number]", "[number"));
    assert!(error.contains("line 7: "), "{error}");
}

#[test]
fn a_flow_is_a_file_or_a_table_and_what_speaks_needs_what_it_names() {
    let with = |more: &str| GOOD.replace("\n[number]", &format!("\n{more}\n[number]"));
    let config = Written::new(&with("flow = \"a.toml\"")).read().unwrap();
    assert!(config.flow.is_some() && config.ask.is_none());
    let ask = "ask = { url = \"https://crm.example/flow\", secret_file = \"key\" }";
    for (text, told) in [
        (format!("[flow]\nfile = \"a.toml\"\n{ask}"), "flow.ask.secret: write whsec_"),
        (
            format!("[flow]\nfile = \"a.toml\"\n{}", ask.replace("url", "uri")),
            "did you mean `url`?",
        ),
        (format!("[flow]\n{ask}"), "missing field `file`"),
        ("[flow]\nfile = \"a.toml\"\nasks = 1".into(), "did you mean `ask`?"),
        ("[speech]\ncommand = []".into(), "speech.command: name a program"),
        ("[speech]\ncommand = [\"a\", \"{voice}\"]".into(), "set voice for texts"),
    ] {
        let fault = fault(&with(&text));
        assert!(fault.contains(told), "{text}: {fault}");
    }
}
