//! Which version, which scope, which file, and the errors a test asks for.

use serde_json::json;

use super::{Key, Meeting};
use crate::bench::{Bench, PNID, config, send};

const SCOPE: Key = (10, "auth");
const VERSION: Key = (2635, "access.version");
const FILE: Key = (100, "media.file");
const LINK: Key = (100, "media.link");
const TOKEN_FAULT: Key = (190, "sandbox.fault");
const PERMISSION_FAULT: Key = (10, "sandbox.fault");
const NOT_FOUND_FAULT: Key = (100, "sandbox.fault");
const UNKNOWN_FAULT: Key = (2, "sandbox.fault");
const RATE_FAULT: Key = (130_429, "sandbox.fault");
const INTERNAL_FAULT: Key = (131_000, "sandbox.fault");
const BUSY_FAULT: Key = (131_016, "sandbox.fault");

pub(super) async fn of_access() -> Meeting {
    let token = "access_tokens = [\"demo-token\"]";
    let limited =
        "tokens = [{ token = \"messages-only\", scopes = [\"whatsapp_business_messaging\"] }]";
    let seed = crate::home::seed().replace(token, &format!("{token}\n{limited}"));
    let seed = offhook_platform::Seed::parse(&seed).unwrap();
    let bench = Bench::with(offhook_platform::Config { seed, ..config() }).await;
    let mut meeting = Meeting::new();
    let settings = bench.get(&format!("/v26.0/{PNID}/settings"));
    let answer = send(settings.bearer_auth("messages-only")).await;
    meeting.graph(SCOPE, "whatsapp_business_management", &answer);
    let old = bench.get(&format!("/v16.0/{PNID}/settings")).bearer_auth("demo-token");
    meeting.graph(VERSION, "v17.0", &send(old).await);

    let upload = bench.post(&format!("/v26.0/{PNID}/media")).bearer_auth("demo-token");
    let body = "--x\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n\
                --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.ogg\"\r\n\
                Content-Type: audio/ogg\r\n\r\n\r\n--x--\r\n";
    let upload = upload.header("content-type", "multipart/form-data; boundary=x").body(body);
    meeting.graph(FILE, "", &send(upload).await);
    let link =
        bench.get("/whatsapp_business/attachments/?mid=1&ext=1&hash=x").bearer_auth("demo-token");
    meeting.graph(LINK, "does not work", &send(link).await);

    for (status, key) in [
        (401, TOKEN_FAULT),
        (403, PERMISSION_FAULT),
        (404, NOT_FOUND_FAULT),
        (502, UNKNOWN_FAULT),
        (429, RATE_FAULT),
        (500, INTERNAL_FAULT),
        (503, BUSY_FAULT),
    ] {
        let fault = bench.put("/sandbox/v1/faults").json(&json!({ "graph": { "status": status } }));
        assert_eq!(send(fault).await.0, 200);
        meeting.graph(key, "asked for", &bench.graph_get("/settings").await);
    }
    meeting
}
