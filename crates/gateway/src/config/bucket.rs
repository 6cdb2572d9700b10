//! Where do recordings go once they are made?
//!
//! ```toml
//! [recording.bucket]                      # at S3, or at what speaks like it
//! name = "recordings"
//! access_key_file = "bucket.key"          # or access_key_env
//! secret_key_file = "bucket.secret"       # or secret_key_env
//! region = "eu-central-1"                 # "us-east-1" when absent
//! endpoint = "https://s3.example"         # Amazon's in that region when absent
//! prefix = "offhook"                      # optional: in front of every name
//! path_style = true                       # the bucket in the path; with an endpoint so when absent
//! timeout_s = 60                          # how long the bucket may say nothing
//! allow_http = false                      # an endpoint that is not encrypted, beyond this machine
//! ```

use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

use reqwest::Url;
use serde::Deserialize;

use super::{
    Secret,
    read::{ConfigError, Secrets, value},
};

/// Where Amazon puts those who name no region.
const REGION_DEFAULT: &str = "us-east-1";
/// How long the bucket may say nothing when nothing is said.
const TIMEOUT_DEFAULT_S: u64 = 60;
/// The longest: an hour.
const TIMEOUT_MAX_S: u64 = 3_600;

/// A bucket and our keys for it.
#[derive(Clone)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub region: String,
    /// Who has it, with its name in front of the host where it is not in the path; Amazon when absent.
    pub endpoint: Option<Url>,
    /// What stands in front of every name: empty, or words that end with a stroke.
    pub prefix: String,
    /// Whether its name stands in the path, not in front of the host.
    pub path_style: bool,
    /// Who we are there.
    pub access_key: Secret,
    /// What requests are signed with.
    pub secret_key: Secret,
    /// How long it may say nothing.
    pub timeout: Duration,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("path_style", &self.path_style).finish_non_exhaustive()
    }
}

/// `[recording.bucket]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BucketTable {
    name: String,
    region: Option<String>,
    endpoint: Option<String>,
    prefix: Option<String>,
    path_style: Option<bool>,
    access_key_file: Option<PathBuf>,
    access_key_env: Option<String>,
    secret_key_file: Option<PathBuf>,
    secret_key_env: Option<String>,
    timeout_s: Option<u64>,
    #[serde(default)]
    allow_http: bool,
}

impl BucketTable {
    /// The checked table.
    pub(super) fn checked(self, secrets: &Secrets<'_>) -> Result<Bucket, ConfigError> {
        let secret =
            |key: &str, file, env| secrets.secret(&format!("recording.bucket.{key}"), file, env);
        let timeout_s = self.timeout_s.unwrap_or(TIMEOUT_DEFAULT_S);
        if timeout_s == 0 || timeout_s > TIMEOUT_MAX_S {
            let why = format!("write 1 to {TIMEOUT_MAX_S} seconds");
            return Err(value("recording.bucket.timeout_s", why));
        }
        let name = word("name", self.name)?;
        let path_style = self.path_style.unwrap_or_else(|| self.endpoint.is_some());
        let endpoint = self.endpoint.map(|text| endpoint(&text, self.allow_http));
        let endpoint = endpoint.transpose()?;
        let endpoint = endpoint.map(|url| if path_style { Ok(url) } else { in_front(&name, url) });
        Ok(Bucket {
            name,
            region: word("region", self.region.unwrap_or_else(|| REGION_DEFAULT.to_owned()))?,
            path_style,
            endpoint: endpoint.transpose()?,
            prefix: prefix(self.prefix.as_deref().unwrap_or_default())?,
            access_key: secret("access_key", self.access_key_file, self.access_key_env)?,
            secret_key: secret("secret_key", self.secret_key_file, self.secret_key_env)?,
            timeout: Duration::from_secs(timeout_s),
        })
    }
}

/// What may stand in a host's name.
fn word(key: &str, text: String) -> Result<String, ConfigError> {
    let fits = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '.' | '_');
    if !text.is_empty() && text.len() <= 255 && text.chars().all(fits) {
        return Ok(text);
    }
    let why = "write up to 255 letters, digits, -, . and _";
    Err(value(&format!("recording.bucket.{key}"), why.into()))
}

fn prefix(text: &str) -> Result<String, ConfigError> {
    let fits = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '.' | '_' | '=');
    let text = text.trim_matches('/');
    if text.is_empty() {
        return Ok(String::new());
    }
    let is_name = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(fits);
    if text.len() <= 512 && text.split('/').all(is_name) {
        return Ok(format!("{text}/"));
    }
    let why = "write names of letters, digits, -, ., _ and =, with / between them";
    Err(value("recording.bucket.prefix", why.into()))
}

fn endpoint(text: &str, allow_http: bool) -> Result<Url, ConfigError> {
    let key = "recording.bucket.endpoint";
    let url = text.parse::<Url>().ok().filter(|url| {
        let plain = url.username().is_empty() && url.password().is_none();
        let whole = url.query().is_none() && url.fragment().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && plain && whole
    });
    let Some(url) = url else {
        return Err(value(key, "write one such as https://s3.example".into()));
    };
    if url.scheme() == "https" || allow_http || is_here(&url) {
        return Ok(url);
    }
    let why = "recordings would travel unencrypted: write https, or allow_http = true";
    Err(value(key, why.into()))
}

fn in_front(name: &str, mut url: Url) -> Result<Url, ConfigError> {
    let host = format!("{name}.{}", url.host_str().unwrap_or_default());
    let is_name = url.domain().is_some() && url.set_host(Some(&host)).is_ok();
    let why = "no name can stand in front of the endpoint's host: write path_style = true";
    if is_name { Ok(url) } else { Err(value("recording.bucket.path_style", why.into())) }
}

/// Whether nobody else is on the way.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = "access_key_file = \"key\"\nsecret_key_file = \"secret\"\n";

    fn read(text: &str) -> Result<Bucket, String> {
        let folder = tempfile::tempdir().map_err(|it| it.to_string())?;
        for (name, text) in [("key", "AKIDEXAMPLE\n"), ("secret", "sesame\n")] {
            std::fs::write(folder.path().join(name), text).map_err(|it| it.to_string())?;
        }
        let table: BucketTable = toml::from_str(text).map_err(|it| it.to_string())?;
        table.checked(&Secrets { folder: folder.path() }).map_err(|it| it.to_string())
    }

    #[test]
    fn a_bucket_without_more_is_amazons_and_its_keys_are_never_shown() {
        let bucket = read(&format!("name = \"recordings\"\n{KEYS}")).unwrap();
        assert_eq!((bucket.region.as_str(), bucket.prefix.as_str()), ("us-east-1", ""));
        assert!(bucket.endpoint.is_none() && !bucket.path_style);
        assert!(bucket.access_key.fits("AKIDEXAMPLE") && bucket.secret_key.fits("sesame"));
        let shown = format!("{bucket:?}");
        assert!(!shown.contains("AKID") && !shown.contains("sesame"), "{shown}");
    }

    #[test]
    fn an_endpoint_has_the_bucket_in_the_path_unless_said() {
        let at = |more: &str| {
            read(&format!("name = \"r\"\nendpoint = \"https://s3.example:9000\"\n{KEYS}{more}"))
        };
        assert!(at("").unwrap().path_style);
        let in_front = at("path_style = false").unwrap();
        assert!(!in_front.path_style);
        assert_eq!(in_front.endpoint.unwrap().as_str(), "https://r.s3.example:9000/");
        for prefix in ["calls/2026", "/calls/2026/", "calls/2026/"] {
            assert_eq!(at(&format!("prefix = \"{prefix}\"")).unwrap().prefix, "calls/2026/");
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_key() {
        for (text, told) in [
            ("name = \"a b\"", "recording.bucket.name"),
            ("name = \"r\"\nregion = \"\"", "recording.bucket.region"),
            ("name = \"r\"\nprefix = \"a//b\"", "recording.bucket.prefix"),
            ("name = \"r\"\nprefix = \"../b\"", "recording.bucket.prefix"),
            ("name = \"r\"\ntimeout_s = 0", "recording.bucket.timeout_s"),
            ("name = \"r\"\nendpoint = \"s3.example\"", "https://s3.example"),
            ("name = \"r\"\nendpoint = \"https://a:b@s3.example\"", "https://s3.example"),
            ("name = \"r\"\nendpoint = \"http://s3.example\"", "allow_http"),
            ("name = \"r\"\nendpoint = \"http://127.0.0.1.example\"", "allow_http"),
            ("name = \"r\"\npath_style = false\nendpoint = \"http://127.0.0.1\"", "path_style"),
            ("name = \"r\"\nbuket = 1", "unknown field"),
            ("region = \"x\"", "missing field `name`"),
        ] {
            let fault = read(&format!("{text}\n{KEYS}")).unwrap_err();
            assert!(fault.contains(told), "{text}: {fault}");
        }
        let keyless = read("name = \"r\"\naccess_key_file = \"key\"").unwrap_err();
        assert!(keyless.contains("recording.bucket.secret_key"), "{keyless}");
        for here in ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:9000"] {
            read(&format!("name = \"r\"\nendpoint = \"{here}\"\n{KEYS}")).unwrap();
        }
        let open = "name = \"r\"\nendpoint = \"http://s3.example\"\nallow_http = true\n";
        read(&format!("{open}{KEYS}")).unwrap();
    }
}
