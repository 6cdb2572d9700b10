-- The database of the last version that knew one number, with a row in each table.
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, received_ms INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE seen (key TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE live_calls (call_id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE cdrs (
    call_id TEXT PRIMARY KEY, started_ms INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX cdrs_by_time ON cdrs (started_ms);
CREATE TABLE contacts (
    wa_id TEXT PRIMARY KEY, updated_ms INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE chat (
    id TEXT PRIMARY KEY, wa_id TEXT NOT NULL, at_ms INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX chat_by_contact ON chat (wa_id);
CREATE TABLE consents (
    no INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, wa_id TEXT NOT NULL,
    body TEXT NOT NULL);
CREATE INDEX consents_by_contact ON consents (wa_id, no);
CREATE TABLE standings (
    wa_id TEXT PRIMARY KEY, expires_ms INTEGER, body TEXT NOT NULL);
CREATE INDEX standings_by_end ON standings (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE TABLE parked_calls (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, created_ms INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX parked_by_state ON parked_calls (state);
CREATE TABLE idempotency (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, at_ms INTEGER NOT NULL, status INTEGER,
    answer TEXT) WITHOUT ROWID;
CREATE TABLE events (
    place INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL, subject TEXT NOT NULL, call_id TEXT, sequence INTEGER,
    told_ms INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX events_by_call ON events (call_id, sequence) WHERE call_id IS NOT NULL;
CREATE TABLE endpoints (name TEXT PRIMARY KEY, given INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE deliveries (
    place INTEGER NOT NULL, endpoint TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL,
    failed INTEGER NOT NULL, due_ms INTEGER NOT NULL, status INTEGER, error TEXT,
    PRIMARY KEY (place, endpoint)) WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (endpoint, due_ms)
    WHERE state = 'waiting';
CREATE INDEX deliveries_in_order ON deliveries (endpoint, subject, place)
    WHERE state = 'waiting';
CREATE TABLE windows (
    wa_id TEXT PRIMARY KEY, until_ms INTEGER NOT NULL, closing_told INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE INDEX windows_by_end ON windows (until_ms);
INSERT INTO inbox (received_ms, body) VALUES (1783000000000, CAST('{"object":"whatsapp_business_account","entry":[]}' AS BLOB));
INSERT INTO seen VALUES ('call:wacid.A:connect', 1783000000000);
INSERT INTO live_calls VALUES ('wacid.L', '{"call_id":"wacid.L","direction":"USER_INITIATED","contact":{"wa_id":"5215550000001"},"started_at":"2026-07-02T13:46:40Z","answered_at":null,"deeplink_payload":null,"cta_payload":null}');
INSERT INTO cdrs VALUES ('wacid.A', 1783000000000, '{"call_id":"wacid.A","direction":"USER_INITIATED","contact":{"wa_id":"5215550000001"},"started_at":"2026-07-02T13:46:40Z","ended_at":"2026-07-02T13:47:40Z","reason":"caller_gave_up","text":"The caller gave up."}');
INSERT INTO contacts VALUES ('5215550000001', 1783000000000, '{"wa_id":"5215550000001","user_id":null,"name":"Ana","grant":{"state":"none","expires_at":null,"learnt_at":null},"window_until":null}');
INSERT INTO chat VALUES ('wamid.1', '5215550000001', 1783000000000, '{"id":"wamid.1","at":"2026-07-02T13:46:40Z","from":"user","kind":"text","text":"Hello"}');
INSERT INTO consents (key, wa_id, body) VALUES ('message:wamid.R', '5215550000001', '{"number":"109876543210987","at":"2026-07-02T13:46:40Z","kind":"granted","grant":"permanent","evidence":{}}');
INSERT INTO standings VALUES ('5215550000001', NULL, '{"grant":{"grant":"permanent"},"absence":"never_given","decided":[1,"2026-07-02T13:46:40Z"],"requests":[],"connected":[],"unanswered_in_a_row":0}');
INSERT INTO windows VALUES ('5215550000001', 1783086400000, 0);
INSERT INTO parked_calls VALUES ('p1', 'waiting', 1783000000000, '{"parked_id":"p1","to":"5215550000001","created_at":"2026-07-02T13:46:40Z","deadline":"2026-07-03T13:46:40Z","state":"waiting"}');
INSERT INTO events (key, id, kind, subject, call_id, sequence, told_ms, body) VALUES ('call.ended:wacid.A:', 'evt_1', 'call.ended', 'wacid.A', 'wacid.A', 1, 1783000000000, '{}');
