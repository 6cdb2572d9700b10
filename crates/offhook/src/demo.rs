//! Both sides in one process, seeded; they still meet on the wire only.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use ::gateway::config::{FlowSource, Queue};
use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use crate::{output, stop};

/// Arguments of `offhook demo`.
#[derive(Debug, Args)]
#[command(after_help = "Example: offhook demo --data ./demo-data --no-open")]
pub(crate) struct DemoArgs {
    /// The folder that keeps everything; without one nothing is kept.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Does not open the two pages in a browser.
    #[arg(long)]
    no_open: bool,
    /// Where the platform's HTTP listens.
    #[arg(long, default_value = "127.0.0.1:8400")]
    platform_listen: SocketAddr,
    /// Where the platform's media arrives.
    #[arg(long, default_value = "127.0.0.1:3480")]
    platform_media: SocketAddr,
    /// Where the gateway's HTTP listens.
    #[arg(long, default_value = "127.0.0.1:8500")]
    gateway_listen: SocketAddr,
    /// Where agents' browsers send media.
    #[arg(long, default_value = "127.0.0.1:8510")]
    gateway_media: SocketAddr,
    /// Prints one JSON line when ready, and nothing else.
    #[arg(long)]
    json: bool,
}

/// Runs until asked to stop.
pub(crate) async fn run(args: DemoArgs) -> ExitCode {
    match serve(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => output::could_not_run(&fault),
    }
}

async fn serve(args: DemoArgs) -> Result<()> {
    let platform = ::platform::serve(::platform::Config {
        http: args.platform_listen,
        media: args.platform_media,
        data: args.data.as_deref().map(|data| data.join("platform")),
        ..::platform::Config::default()
    })
    .await?;
    let mut config = ::gateway::Config::demo(&platform.base_url(), Some(flow()));
    config.http = args.gateway_listen;
    config.media.browsers = args.gateway_media;
    config.data_dir = args.data.as_deref().map(|data| data.join("gateway"));
    let house = config.lines.first.organisation.clone();
    config.queues = vec![Queue::new("support", house)];
    // A call rings in every browser at once; whoever chooses a person in the menu waits.
    config.ring_first = Some(true);
    let gateway = ::gateway::serve(config).await?;
    let gateway_url = format!("http://{}", gateway.address());
    platform
        .set_callback(&format!("{gateway_url}/webhooks/whatsapp"))
        .await
        .context("connecting the platform's webhooks to the gateway")?;

    let links = Links::new(&platform.base_url(), &gateway_url);
    if args.json {
        output::say(&links.json());
    } else {
        links.say(args.data.as_deref());
        if !args.no_open {
            links.open();
        }
    }
    stop::asked().await?;
    if !args.json {
        output::say("\nEnding live calls …");
    }
    gateway.stop().await;
    platform.shutdown().await;
    Ok(())
}

/// The demo's spoken menu, compiled in.
fn flow() -> FlowSource {
    macro_rules! prompt {
        ($name:literal) => {
            (
                $name.to_owned(),
                include_bytes!(concat!("../../../demo/prompts/", $name, ".ogg")).to_vec(),
            )
        };
    }
    FlowSource::Embedded {
        toml: include_str!("../../../demo/flow.toml").to_owned(),
        prompts: vec![
            prompt!("welcome"),
            prompt!("menu"),
            prompt!("echo"),
            prompt!("hours"),
            prompt!("closed"),
            prompt!("no_agent"),
            prompt!("invalid"),
            prompt!("goodbye"),
            prompt!("position-1"),
            prompt!("position-2"),
            prompt!("position-3"),
            prompt!("callback"),
            prompt!("kept"),
        ],
    }
}

/// The addresses a newcomer needs.
struct Links {
    platform: String,
    gateway: String,
    phone: String,
    console: String,
}

impl Links {
    fn new(platform: &str, gateway: &str) -> Self {
        Self {
            platform: platform.to_owned(),
            gateway: gateway.to_owned(),
            phone: format!("{platform}/phone"),
            console: format!("{gateway}/"),
        }
    }

    fn json(&self) -> String {
        json!({
            "platform": self.platform,
            "gateway": self.gateway,
            "phone": self.phone,
            "console": self.console,
            "phone_number_id": "109876543210987",
            "waba_id": "201234567890123",
            "app_id": "401234567890123",
            "access_token": "demo-token",
            "app_secret": "demo-app-secret",
            "verify_token": "demo-verify",
            "d360_api_key": "demo-d360-key",
            "api_key": "demo-api-key",
            "agents": ["lia", "rui", "sol"],
            "admin": "ada",
            "auditor": "bia",
            "password": "demo",
        })
        .to_string()
    }

    fn say(&self, data: Option<&Path>) {
        let Self { platform, gateway, phone, console } = self;
        let kept = data.map_or_else(
            || "Nothing is kept; --data DIR keeps it.".to_owned(),
            |data| format!("Everything is kept in {}.", data.display()),
        );
        output::say(&format!(
            "\nOffhook is running. Open these two pages:

  1  the agents' console   {console}
     Sign in as lia, password demo, and switch to Available.
  2  a user's phone        {phone}
     Pick Ana, open the chat with Loja Aurora, and press the call button.

  The console rings: answer it, and you hear each other. With nobody available
  the call goes to a spoken menu: press 1 on the phone's dialpad for an echo.

  For programs
  Graph API      {platform}/v23.0/109876543210987/calls   Bearer demo-token
  360dialog      {platform}/calling/calls                 D360-API-KEY demo-d360-key
  sandbox API    {platform}/sandbox/v1/state
  gateway API    {gateway}/v1/calls                       Bearer demo-api-key
  app secret demo-app-secret, verify token demo-verify, WABA 201234567890123,
  app 401234567890123, agents lia and rui, sol supervises, ada administers,
  bia audits, password demo

  Without a browser, from a second terminal
  target/release/offhook call --as 5215550000001 --to 551140000000 --play tone:440 --expect 'tone:*' --for 5s{}

{kept} Ctrl-C ends live calls and stops.",
            if platform.ends_with(":8400") {
                String::new()
            } else {
                format!(" --platform {platform}")
            },
        ));
    }

    /// Opens both pages where there is a desktop to open them on.
    fn open(&self) {
        let has_desktop =
            std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some();
        if !has_desktop {
            return;
        }
        for link in [&self.console, &self.phone] {
            let opened = Command::new("xdg-open")
                .arg(link)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            if opened.is_err() {
                tracing::debug!("no xdg-open here");
            }
        }
    }
}
