//! What a configuration file may say, and how a slip in it is told.

use offhook_gateway::{Config, config::ConfigError};
use switchboard::builtin::Language;

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
fn a_bots_encoder_tries_as_hard_as_opus_can() {
    let read =
        |effort: u8| Written::new(&format!("{GOOD}\n[media]\nbot_complexity = {effort}\n")).read();
    assert_eq!(read(10).unwrap().media.bot_complexity.get(), 10);
    assert_eq!(Written::new(GOOD).read().unwrap().media.bot_complexity.get(), 5);
    let error = read(11).expect_err("a fault").to_string();
    assert!(error.contains("media.bot_complexity") && error.contains("0 to 10"), "{error}");
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
    assert!(config.lines.first.flow.is_some() && config.lines.first.ask.is_none());
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

const MANY: &str = r#"
http = "127.0.0.1:0"
api_key_file = "key"

[[organisations]]
id = "aurora"

[[organisations]]
id = "brisa"
api_key_file = "key"

[upstream]
edition = "360dialog"
token_file = "key"
verify_token_file = "key"

[price]
rulebook = "2026-10"

[[numbers]]
phone_number_id = "109876543210987"
digits = "551140000000"

[[numbers]]
phone_number_id = "209876543210987"
digits = "5215550009999"
account = "301234567890123"
organisation = "brisa"
time_zone = "America/Mexico_City"
rulebook = "2025-beta"
[numbers.upstream]
edition = "meta"
token_file = "key"
app_secret_file = "key"
verify_token_file = "key"

[[agents]]
id = "lia"
password_file = "key"

[[agents]]
id = "bia"
organisation = "brisa"
password_file = "key"
"#;

#[test]
fn several_numbers_share_what_they_do_not_say_themselves() {
    let config = Written::new(MANY).read().unwrap();
    let (first, second) = (&config.lines.first, &config.lines.others[0]);
    assert_eq!(first.organisation.as_str(), "aurora");
    assert!(first.upstream.app_secret.is_none(), "the file's own [upstream]");
    assert_eq!(first.price.rulebook.name, "2026-10");
    assert_eq!(second.organisation.as_str(), "brisa");
    assert!(second.upstream.app_secret.is_some());
    assert_eq!(second.price.rulebook.name, "2025-beta");
    assert_eq!(second.time_zone.iana_name(), Some("America/Mexico_City"));
    let agents: Vec<_> = config.agents.iter().map(|agent| agent.organisation.as_str()).collect();
    assert_eq!(agents, ["aurora", "brisa"]);
}

#[test]
fn a_slip_in_one_of_several_numbers_names_it() {
    for (right, wrong, told) in [
        (
            "organisation = \"brisa\"\ntime",
            "organisation = \"briza\"\ntime",
            "numbers.209876543210987.organisation: no [[organisations]] table has the id \"briza\": \
             did you mean \"brisa\"?",
        ),
        (
            "America/Mexico_City",
            "America/Mexiko",
            "numbers.209876543210987.time_zone: no time zone is called \"America/Mexiko\"; write one \
             such as \"America/Sao_Paulo\"",
        ),
        ("5215550009999", "551140000000", "numbers.209876543210987: this number stands twice"),
        (
            "id = \"bia\"",
            "id = \"lia\"",
            "agents.lia: two agents have this id, which is their log-in name",
        ),
    ] {
        assert_eq!(fault(&MANY.replacen(right, wrong, 1)), told);
    }
    let error = fault(&MANY.replace("\ntime_zone", "\ntimezone"));
    assert!(error.ends_with("unknown key `timezone`: did you mean `time_zone`?"), "{error}");
}

#[test]
fn every_fault_of_a_file_is_told_and_a_good_one_has_none() {
    let faults = |text: &str| Config::faults(&Written::new(text).0.path().join("gateway.toml"));
    assert_eq!(faults(GOOD), [] as [String; 0]);
    let three = GOOD
        .replace("drain_for_s = 5", "ring_for_s = 900")
        .replace("token_file = \"key\"\nverify", "token_file = \"gone\"\nverify")
        .replace("password_file", "password_hash");
    let told = faults(&three);
    for part in ["ring_for_s", "token", "agents.lia.password"] {
        assert!(told.iter().any(|fault| fault.contains(part)), "{part}: {told:?}");
    }
    assert_eq!(faults("no toml").len(), 1);
}

#[test]
fn turn_and_the_public_address_are_read() {
    let more = "\n[media]\nadvertised = \"auto\"\nstun = \"stun.example:3478\"\n\n[turn]\n\
                urls = [\"turn:turn.example:3478\"]\nsecret_file = \"key\"\nrelay_only = true\n";
    let config = Written::new(&format!("{GOOD}{more}")).read().unwrap();
    assert!(config.media.ask_public && config.media.advertised.is_empty());
    let turn = config.turn.unwrap();
    assert!(turn.relay_only && turn.lasts.as_secs() == 14_400);
    assert!(!format!("{turn:?}").contains("secret\""), "{turn:?}");
    for (wrong, told) in [
        ("\n[media]\nadvertised = \"auto\"\n", "needs a server"),
        ("\n[media]\nadvertised = \"public\"\n", "auto"),
        ("\n[media]\nstun = \"stun.example\"\n", "host:port"),
        ("\n[turn]\nurls = [\"http://turn.example\"]\nsecret_file = \"key\"\n", "turn:"),
        ("\n[turn]\nurls = [\"turn:turn.example\"]\n", "turn.secret"),
    ] {
        let fault = fault(&format!("{GOOD}{wrong}"));
        assert!(fault.contains(told), "{wrong}: {fault}");
    }
}

const TRUNK: &str = r#"
[sip]
listen = "127.0.0.1:5060"

[[trunks]]
name = "pbx"
terminates = "voip"
extensions = ["2XXX", "100"]
user = "offhook"
password_file = "key"

[[trunks.targets]]
host = "pbx.example:5080"
transport = "tcp"
"#;

#[test]
fn a_trunk_leads_to_telephones_of_the_house() {
    let config = Written::new(&format!("{GOOD}{TRUNK}")).read().unwrap();
    let trunk = &config.trunks[0];
    assert_eq!((trunk.targets[0].host.as_str(), trunk.targets[0].port), ("pbx.example", 5080));
    assert!(trunk.extensions.allow("2999") && !trunk.extensions.allow("5511999990000"));
    assert!(!format!("{config:?}").contains("\"secret\""), "a password is never printed");
}

#[test]
fn a_trunk_that_could_lead_to_the_phone_network_is_refused_at_start() {
    for (right, wrong, told) in [
        ("terminates = \"voip\"\n", "", "terminates = \"voip\""),
        ("\"voip\"", "\"pstn\"", "never to the phone network"),
        ("pbx.example:5080", "acme.pstn.twilio.com", "at twilio.com, a carrier"),
        ("pbx.example:5080", "tel:+551140028922", "is a telephone number"),
        ("pbx.example:5080", "551140028922", "is a telephone number"),
        ("\"2XXX\"", "\"XXXXXXXXXXX\"", "that would be a telephone number"),
        ("[\"2XXX\", \"100\"]", "[]", "name the extensions"),
        ("pbx.example:5080", "sip pbx", "is no host"),
        ("127.0.0.1:5060", "0.0.0.0:5060", "name the address"),
        ("[sip]\nlisten = \"127.0.0.1:5060\"\n", "", "[sip] listen"),
        ("password_file = \"key\"\n\n[[trunks.t", "\n[[trunks.t", "password_file or password_env"),
        ("extensions", "extension", "did you mean `extensions`"),
    ] {
        assert!(TRUNK.contains(right), "{right}");
        let why = fault(&format!("{GOOD}{}", TRUNK.replacen(right, wrong, 1)));
        assert!(why.contains(told), "{wrong}: {why}");
    }
}

#[test]
fn a_trunk_by_tls_that_registers_and_takes_calls_is_whole_or_refused() {
    let tls =
        "\n[sip.tls]\nlisten = \"127.0.0.1:5062\"\ncertificate = \"sip.pem\"\nkey = \"sip.key\"\n";
    let by_tls = TRUNK.replace("example:5080", "example");
    let by_tls = by_tls.replace("\"tcp\"", "\"tls\"\nregister = true");
    let calls_in =
        "\n[trunks.calls_in]\nuser = \"desk\"\npassword_file = \"key\"\nprefix = \"9\"\n";
    let whole = format!("{GOOD}{by_tls}{tls}");
    let whole = whole.replace("[[trunks.targets]]", &format!("{calls_in}[[trunks.targets]]"));
    let config = Written::new(&whole).read().unwrap();
    let trunk = &config.trunks[0];
    assert_eq!(trunk.targets[0].port, 5061, "where TLS is spoken");
    assert!(trunk.targets[0].register);
    assert_eq!(trunk.calls_in.as_ref().unwrap().prefix, "9");
    for (right, wrong, told) in [
        (tls, "", "where it reaches us, [sip.tls]"),
        ("key = \"sip.key\"\n", "", "all three or none"),
        ("127.0.0.1:5062", "0.0.0.0:5062", "name the address"),
        ("prefix = \"9\"", "prefix = \"nine\"", "digits and * only"),
        ("user = \"desk\"\n", "", "the password has no user"),
        ("prefix = \"9\"", "from = \"551199999999\"", "one of the organisation's numbers"),
    ] {
        assert!(whole.contains(right), "{right}");
        let why = fault(&whole.replacen(right, wrong, 1));
        assert!(why.contains(told), "{wrong}: {why}");
    }
}

#[test]
fn an_agents_telephone_registers_where_sip_is_spoken() {
    let telephone =
        "\n[agents.telephone]\npassword_file = \"key\"\ncodecs = [\"pcma\"]\nsrtp = true\n";
    let sip = "\n[sip]\nlisten = \"127.0.0.1:5060\"\n";
    let whole = format!("{GOOD}{telephone}{sip}");
    let config = Written::new(&whole).read().unwrap();
    let read = &config.telephones[0];
    assert!(read.agent.as_str() == "lia" && read.password.fits("secret"));
    assert_eq!(read.trunk.srtp, media::sdp::TrunkKeying::Sdes);
    assert_eq!(read.trunk.codecs, [media::frame::AudioCodec::Pcma]);
    assert!(config.trunks.is_empty(), "it is no way to anywhere else");
    for (right, wrong, told) in [
        (sip, "", "say where SIP is spoken"),
        ("id = \"lia\"", "id = \"lia@desk\"", "letters, digits and . _ - only"),
        ("id = \"lia\"", "id = \"lia\"\nrole = \"auditor\"", "takes no calls"),
        ("[\"pcma\"]", "[]", "at least one of opus, g722, pcmu, pcma"),
        ("[agents.telephone]\npassword_file = \"key\"", "[agents.telephone]", "password"),
        ("srtp = true", "keys = true", "keys"),
    ] {
        assert!(whole.contains(right), "{right}");
        let why = fault(&whole.replacen(right, wrong, 1));
        assert!(why.contains(told), "{wrong}: {why}");
    }
}

const BY_SIP: &str = r#"
[number.sip]
hostname = "sip.aurora.example"
password_file = "key"
keying = "sdes"

[sip]
listen = "127.0.0.1:5060"

[sip.tls]
listen = "127.0.0.1:5062"
certificate = "sip.pem"
key = "sip.key"
"#;

#[test]
fn a_number_by_sip_says_under_which_name_the_platform_knows_us() {
    let config = Written::new(&format!("{GOOD}{BY_SIP}")).read().unwrap();
    let sip = config.lines.first.sip.as_ref().unwrap();
    assert_eq!((sip.hostname.as_str(), sip.domain.as_str()), ("sip.aurora.example", "wa.meta.vc"));
    assert_eq!(sip.server, ("wa.meta.vc".to_owned(), 5061));
    assert_eq!(sip.keying, media::sdp::Keying::Sdes);
    assert!(!format!("{config:?}").contains("\"secret\""), "a password is never printed");
    let elsewhere = BY_SIP.replace("keying = \"sdes\"", "server = \"127.0.0.1:7000\"");
    let config = Written::new(&format!("{GOOD}{elsewhere}")).read().unwrap();
    let sip = config.lines.first.sip.as_ref().unwrap();
    assert_eq!(sip.server, ("127.0.0.1".to_owned(), 7000));
    assert_eq!((sip.keying, sip.domain.as_str()), (media::sdp::Keying::Dtls, "wa.meta.vc"));
}

#[test]
fn a_number_by_sip_that_the_platform_could_not_reach_is_refused_at_start() {
    for (right, wrong, told) in [
        ("hostname = \"sip.aurora.example\"\n", "", "missing field `hostname`"),
        ("sip.aurora.example", "sip:aurora", "sip.hostname"),
        (
            "listen = \"127.0.0.1:5062\"\ncertificate = \"sip.pem\"\nkey = \"sip.key\"\n",
            "",
            "[sip.tls]",
        ),
        (&BY_SIP[BY_SIP.find("[sip]").unwrap()..], "", "[sip.tls]"),
        ("\"sdes\"", "\"zrtp\"", "unknown word `zrtp`"),
        ("\"sdes\"", "\"sdes\"\nserver = \"wa.meta.vc:sip\"", "no place such as"),
        ("\"sdes\"", "\"sdes\"\nserver = \"acme.pstn.twilio.com:5061\"", "a carrier"),
        ("\"sdes\"", "\"sdes\"\ndomain = \"sip.telnyx.com\"", "a carrier"),
        (
            "password_file = \"key\"",
            "password_file = \"key\"\npassword_env = \"KEY\"",
            "either a file",
        ),
        ("keying", "keyin", "did you mean `keying`"),
        (
            "[sip]\n",
            "[recording]\nmode = \"platform\"\npurpose = \"quality\"\nannouncement_language = \"pt\"\n\n[sip]\n",
            "the platform records calls by Graph alone",
        ),
    ] {
        assert!(BY_SIP.contains(right), "{right}");
        let why = fault(&format!("{GOOD}{}", BY_SIP.replacen(right, wrong, 1)));
        assert!(why.contains(told), "{wrong}: {why}");
    }
}

const MODEL: &str = r#"
[[bots]]
name = "vera"
protocol = "openai"
model = "gpt-realtime-2.1"
voice = "marin"
instructions_file = "key"
greeting = "Say hello."
steps = { orders = "The user asks about an order." }
token_file = "key"
"#;

#[test]
fn a_model_is_at_its_service_by_its_name_and_is_who_the_file_says() {
    let bot = Written::new(&format!("{GOOD}{MODEL}")).read().unwrap().bots.remove(0);
    let url = "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1";
    assert_eq!(bot.url.as_deref(), Some(url));
    assert_eq!((bot.persona.instructions.as_str(), bot.persona.steps.len()), ("secret\n", 1));
    assert_eq!(bot.formats.hears.rate(), 24_000);
    let narrow = MODEL.replace("voice", "rate = 8000\nurl = \"wss://eu.example/rt?v=1\"\nvoice");
    let bot = Written::new(&format!("{GOOD}{narrow}")).read().unwrap().bots.remove(0);
    assert_eq!(bot.formats.speaks, audio::spool::Format::MuLaw);
    assert_eq!(bot.url.as_deref(), Some("wss://eu.example/rt?v=1&model=gpt-realtime-2.1"));
    for (right, wrong, told) in [
        ("model = \"gpt-realtime-2.1\"\n", "", "model: name one"),
        ("token_file = \"key\"\n", "", "token_file or token_env"),
        ("voice", "rate = 16000\nvoice", "does not speak 16000 Hz"),
        ("voice", "url = \"https://x.example\"\nvoice", "wss://api.openai.com"),
        ("greeting", "instructions = \"x\"\ngreeting", "not in both"),
        ("_file = \"key\"\ngreeting", "_file = \"gone\"\ngreeting", "gone cannot be read"),
        ("openai", "native", "model: only `openai` bots have it"),
        ("greeting", "greetings", "did you mean `greeting`"),
    ] {
        let why = fault(&format!("{GOOD}{}", MODEL.replacen(right, wrong, 1)));
        assert!(why.contains(told), "{wrong}: {why}");
    }
}

#[test]
fn a_bot_that_is_built_in_has_a_name_and_a_language_of_its_own_and_nothing_else() {
    let desk = "\n[[bots]]\nname = \"desk\"\nbuiltin = \"ivr\"\nlanguage = \"pt\"\n";
    let config = Written::new(&format!("{GOOD}{desk}")).read().unwrap();
    assert_eq!(config.builtin_bots[0].language, Some(Language::Portuguese));
    assert!(config.bots.is_empty());
    for (right, wrong, told) in [
        ("\"ivr\"", "\"ivy\"", "unknown word `ivy`: did you mean `ivr`?"),
        ("\"pt\"", "\"fr\"", "language: the built-in bots speak \"en\" and \"pt\""),
        ("language", "protocol", "unknown word `pt`"),
        ("language = \"pt\"", "rate = 8000", "rate: a built-in bot has no use for it"),
        ("builtin = \"ivr\"\n", "", "language: only built-in bots have it"),
        ("builtin = \"ivr\"\nlanguage = \"pt\"\n", "", "protocol: write \"native\" or another"),
        (
            "name = \"desk\"\n",
            "name = \"desk\"\nbuiltin = \"echo\"\n[[bots]]\nname = \"desk\"\n",
            "a name of its own",
        ),
    ] {
        let why = fault(&format!("{GOOD}{}", desk.replacen(right, wrong, 1)));
        assert!(why.contains(told), "{wrong}: {why}");
    }
}

#[test]
fn a_bot_is_told_of_its_users_speech_where_its_protocol_has_words_for_it() {
    let bot = |protocol: &str, more: &str| {
        format!(
            "{GOOD}\n[[bots]]\nname = \"a\"\nprotocol = \"{protocol}\"\ntoken_file = \"key\"\n{more}\n"
        )
    };
    let notice = |protocol: &str, more: &str| {
        Written::new(&bot(protocol, more)).read().map(|mut config| config.bots.remove(0).notice)
    };
    assert!(notice("native", "").unwrap().speech && !notice("pipecat", "").unwrap().speech);
    assert!(!notice("native", "voice_activity = false").unwrap().speech);
    let told =
        notice("pipecat", "voice_activity = true\nuser_silence_s = 8\nbarge_in = true").unwrap();
    assert!(told.speech && told.barge_in && told.silence_ms == Some(8_000), "{told:?}");
    assert!(notice("twilio", "barge_in = true").unwrap().barge_in);
    for (protocol, more, why) in [
        ("twilio", "voice_activity = true", "no words for it"),
        ("vonage", "user_silence_s = 8", "no words for it"),
        ("native", "user_silence_s = 0", "write 1 to 300 seconds"),
    ] {
        let told = fault(&bot(protocol, more));
        assert!(told.contains(why), "{protocol}, {more}: {told}");
    }
    let told = fault(&format!("{GOOD}{MODEL}barge_in = true\n"));
    assert!(told.contains("the service does that itself"), "{told}");
}

#[test]
fn the_platform_records_as_it_is_told_and_only_there() {
    let read = |more: &str| {
        let text = GOOD.replace("\n[number]", &format!("\n[recording]\n{more}\n[number]"));
        Written::new(&text).read().map(|config| config.recording)
    };
    let mode = "mode = \"platform\"\npurpose = \"quality\"\nannouncement_language = \"pt\"";
    let recording = read(&format!("{mode}\nnumbers = [\"551140000000\"]")).unwrap();
    let (ours, other) = ("551140000000".parse().unwrap(), "551140000001".parse().unwrap());
    assert!(recording.platform_for(&other).is_none() && !recording.records(&ours));
    let captures = recording.platform_for(&ours).unwrap().captures();
    assert!(captures.recording.is_some_and(|asked| asked.enabled));
    assert_eq!(captures.transcription, None);
    let transcribed = format!("{mode}\ntranscription = true\n[transcription]\ncommand = [\"x\"]");
    for (text, told) in [
        ("mode = \"platform\"", "recording.purpose: with mode = \"platform\""),
        ("purpose = \"quality\"", "recording.purpose: this is what the platform is told"),
        ("mode = \"agents\"\ntranscription = true", "recording.transcription: this is what"),
        (&format!("{mode}\nannouncement = \"told\""), "leave the announcement out"),
        (&transcribed, "leave out one of them"),
        (&mode.replace("\"pt\"", "\"xx\""), "the platform refuses it: must be one of en, "),
    ] {
        let fault = read(text).unwrap_err().to_string();
        assert!(fault.contains(told), "{text}: {fault}");
    }
}

#[test]
fn keys_of_recordings_are_files_of_32_bytes() {
    let with = |more: &str| GOOD.replace("\n[number]", &format!("\n[recording]\n{more}\n[number]"));
    let read = |more: &str| {
        let written = Written::new(&with(more));
        std::fs::write(written.0.path().join("new"), "ab".repeat(32) + "\n").unwrap();
        std::fs::write(written.0.path().join("old"), "01".repeat(32)).unwrap();
        written.read().map(|config| config.recording)
    };
    let recording = read("key_file = \"new\"\nold_key_files = [\"old\"]").unwrap();
    assert_eq!(recording.keys().count(), 2);
    assert!(recording.key.is_some_and(|key| key.file.ends_with("new")));
    assert!(read("").unwrap().keys().next().is_none());
    for (text, told) in [
        ("key_file = \"key\"", "recording.key: write 32 random bytes"),
        ("old_key_files = [\"new\", \"none\"]", "recording.old_key: cannot read the secret"),
        ("key_files = [\"new\"]", "did you mean `key_file`?"),
    ] {
        let fault = read(text).unwrap_err().to_string();
        assert!(fault.contains(told), "{text}: {fault}");
    }
}
