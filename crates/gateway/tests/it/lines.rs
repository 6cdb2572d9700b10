//! Two numbers of two organisations on one gateway: whose is what, and who believes whom.

use offhook_gateway::config::{Agent, Config, HashedPassword, Organisation, Secret};
use serde_json::{Value, json};
use switchboard::agent::Skills;
use wire::{console::Role, edition::Edition, webhook::signature};

use crate::{
    desk::{CALL, Desk, connect, envelope, terminate},
    upstream::Upstream,
    voice::Voice,
};

const FIRST: &str = "109876543210987";
pub(crate) const SECOND: &str = "209876543210987";
const SECOND_ACCOUNT: &str = "301234567890123";
pub(crate) const SECOND_KEY: &str = "brisa-api-key";

/// Adds the organisation Brisa with one agent and one number at a platform of its own.
pub(crate) fn add_brisa(config: &mut Config, upstream: &Upstream) {
    let id: terms::OrganisationId = "brisa".parse().unwrap();
    let key = Some(Secret::new(SECOND_KEY));
    config.organisations.push(Organisation { id: id.clone(), name: "Brisa".into(), api_key: key });
    config.agents.push(Agent {
        id: "eva".parse().unwrap(),
        organisation: id.clone(),
        name: "Bia".into(),
        role: Role::Agent,
        skills: Skills::new(),
        password: HashedPassword::hash("demo"),
    });
    let mut line = config.lines.first.clone();
    line.organisation = id;
    line.account = Some(SECOND_ACCOUNT.parse().unwrap());
    line.number.phone_number_id = SECOND.parse().unwrap();
    line.number.digits = "5215550009999".parse().unwrap();
    line.number.name = Some("Brisa".into());
    line.flow = None;
    line.upstream.base_url = upstream.url();
    line.upstream.token = Secret::new("brisa-token");
    line.upstream.app_secret = Some(Secret::new("brisa-secret"));
    line.upstream.verify_token = Secret::new("brisa-verify");
    if let Edition::Meta { phone_number_id, .. } = &mut line.upstream.edition {
        *phone_number_id = line.number.phone_number_id.clone();
    }
    config.lines.others.push(line);
}

pub(crate) struct Shared {
    pub(crate) desk: Desk,
    /// Brisa's platform.
    pub(crate) brisa: Upstream,
}

impl Shared {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let brisa = Upstream::start().await;
        let both = |config: &mut Config| {
            change(config);
            add_brisa(config, &brisa);
        };
        let desk = Desk::start_with(None, both).await;
        Self { desk, brisa }
    }

    /// Sends a webhook signed with this secret.
    pub(crate) async fn signed(&self, body: &Value, secret: &str) -> u16 {
        let body = serde_json::to_vec(body).unwrap();
        let signed = signature::sign(secret, &body);
        self.desk.send_webhook(body, &signed).await
    }

    /// Asks with this key: the status and the body.
    pub(crate) async fn get(&self, path: &str, key: &str) -> (u16, Value) {
        let request = self.desk.http.get(self.desk.url(path)).bearer_auth(key);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }
}

/// The same webhook about Brisa's number.
pub(crate) fn to_brisa(body: &Value) -> Value {
    let text = body.to_string();
    let text = text.replace(FIRST, SECOND).replace("201234567890123", SECOND_ACCOUNT);
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_webhook_must_be_signed_with_the_secret_of_every_number_it_names() {
    let shared = Shared::start().await;
    let mine = terminate("wacid.MINE", "USER_INITIATED", None);
    let theirs = to_brisa(&terminate("wacid.THEIRS", "USER_INITIATED", None));
    let (entry, other) = (mine["entry"][0].clone(), theirs["entry"][0].clone());
    let both = json!({"object": "whatsapp_business_account", "entry": [entry, other]});
    let nobodys: Value =
        serde_json::from_str(&mine.to_string().replace(FIRST, "999876543210987")).unwrap();
    let update = envelope("account_update", &json!({"event": "ACCOUNT_RESTRICTION"}));
    for (name, body, secret, status) in [
        ("the other number's secret", &mine, "brisa-secret", 401),
        ("and the other way round", &theirs, "demo-app-secret", 401),
        ("one of two", &both, "demo-app-secret", 401),
        ("the other one of two", &both, "brisa-secret", 401),
        ("the other account's secret", &update, "brisa-secret", 401),
        ("nobody's number, nobody's secret", &nobodys, "guess", 401),
        ("nobody's number, one of our secrets", &nobodys, "brisa-secret", 200),
        ("the own secret", &mine, "demo-app-secret", 200),
        ("the own secret of the other", &theirs, "brisa-secret", 200),
        ("the own account's secret", &update, "demo-app-secret", 200),
    ] {
        assert_eq!(shared.signed(body, secret).await, status, "{name}");
    }
    // Told last: what came before it has been acted on.
    let path = "/v1/events?type=account.restricted";
    let told = shared.desk.get_until(path, |list| list["events"][0].is_object()).await;
    assert_eq!(told["events"][0]["subject"], FIRST, "its own number alone: {told}");
    assert_eq!(told["events"].as_array().unwrap().len(), 1);
    let record = shared.desk.record("wacid.MINE").await;
    assert_eq!(record["number"], "551140000000");
    let (status, record) = shared.get("/v1/calls/wacid.THEIRS", SECOND_KEY).await;
    assert_eq!((status, &record["number"]), (200, &json!("5215550009999")));
    assert!(shared.desk.metrics().await.contains("result=\"other_number\"} 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_rings_at_its_own_organisation_and_asks_its_own_platform() {
    let shared = Shared::start().await;
    let desk = &shared.desk;
    let (mut lia, mut eva) = (desk.available("lia").await, desk.available("eva").await);
    let user = Voice::of_platform(&desk.engine);
    let body = to_brisa(&connect(CALL, &user.platform_offer()));
    assert_eq!(shared.signed(&body, "brisa-secret").await, 200);
    let ringing = eva.next("ringing").await;
    assert_eq!(ringing["call"]["number"], "5215550009999");
    shared.brisa.wait_for("pre_accept").await;
    // Another line's word about the call, rightly signed by its own platform, ends nothing.
    assert_eq!(desk.webhook(&terminate(CALL, "USER_INITIATED", None)).await, 200);
    assert_eq!(desk.record(CALL).await["number"], "551140000000", "a call of its own");
    let (_, live) = shared.get(&format!("/v1/calls/{CALL}"), SECOND_KEY).await;
    assert_eq!(live["state"], "ringing", "{live}");
    eva.send(json!({"type": "decline", "call_id": CALL})).await;
    assert_eq!(
        shared.signed(&to_brisa(&terminate(CALL, "USER_INITIATED", None)), "brisa-secret").await,
        200
    );
    eva.next_where("call", |frame| frame["call"]["state"] == "ended").await;
    assert!(desk.upstream.asked().is_empty(), "the other platform hears of nothing");
    lia.send(json!({"type": "presence", "state": "away"})).await;
    lia.next_where("agents", |frame| frame.to_string().contains("away")).await;
    let seen = serde_json::to_string(&lia.seen).unwrap();
    assert!(!seen.contains("5215550009999") && !seen.contains("eva"), "{seen}");
}
