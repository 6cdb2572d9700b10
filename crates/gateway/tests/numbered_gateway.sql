-- The tables of the last version that knew users by their number alone, with rows of a user who had changed
-- number, and of one who is in the ledger only.
PRAGMA user_version = 1;
CREATE TABLE contacts (
    line TEXT NOT NULL, wa_id TEXT NOT NULL, updated_ms INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (line, wa_id));
CREATE TABLE chat (
    line TEXT NOT NULL, id TEXT NOT NULL, wa_id TEXT NOT NULL, at_ms INTEGER NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (line, id));
CREATE INDEX chat_by_contact ON chat (line, wa_id);
CREATE TABLE consents (
    no INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, wa_id TEXT NOT NULL,
    body TEXT NOT NULL, line TEXT NOT NULL);
CREATE INDEX consents_by_contact ON consents (line, wa_id, no);
CREATE TABLE standings (
    line TEXT NOT NULL, wa_id TEXT NOT NULL, expires_ms INTEGER, body TEXT NOT NULL,
    PRIMARY KEY (line, wa_id));
CREATE INDEX standings_by_end ON standings (line, expires_ms) WHERE expires_ms IS NOT NULL;
CREATE TABLE windows (
    line TEXT NOT NULL, wa_id TEXT NOT NULL, until_ms INTEGER NOT NULL,
    closing_told INTEGER NOT NULL, PRIMARY KEY (line, wa_id)) WITHOUT ROWID;
CREATE INDEX windows_by_end ON windows (line, until_ms);
INSERT INTO contacts VALUES ('1', '5215550000002', 2000, '{"line":"1","wa_id":"5215550000002","user_id":"MX.1","name":null,"grant":{"state":"none","expires_at":null,"learnt_at":null},"window_until":null}');
INSERT INTO contacts VALUES ('1', '5215550000001', 1000, '{"line":"1","wa_id":"5215550000001","user_id":"MX.1","name":"Ana","grant":{"state":"permanent","expires_at":null,"learnt_at":"2026-07-02T13:46:40Z"},"window_until":null}');
INSERT INTO contacts VALUES ('2', '5215550000001', 1000, '{"line":"2","wa_id":"5215550000001","user_id":null,"name":"Ana","grant":{"state":"none","expires_at":null,"learnt_at":null},"window_until":null}');
INSERT INTO chat VALUES ('1', 'wamid.2', '5215550000001', 2000, '{"id":"wamid.2","at":"2026-07-02T13:46:40Z","from":"user","kind":"text","text":"Hello"}');
INSERT INTO chat VALUES ('1', 'wamid.1', '5215550000002', 1000, '{"id":"wamid.1","at":"2026-07-02T13:46:41Z","from":"user","kind":"text","text":"Again"}');
INSERT INTO consents (no, key, wa_id, body, line) VALUES (7, '1:message:wamid.R', '5215550000001', '{"number":"1","at":"2026-07-02T13:46:40Z","kind":"granted","grant":"permanent","evidence":{}}', '1');
INSERT INTO consents (no, key, wa_id, body, line) VALUES (9, '1:request:wamid.S', '5215550000003', '{"number":"1","at":"2026-07-02T13:46:40Z","kind":"requested","evidence":{}}', '1');
INSERT INTO standings VALUES ('1', '5215550000001', NULL, '{"grant":{"grant":"permanent"},"absence":"never_given","decided":[7,"2026-07-02T13:46:40Z"],"requests":[],"connected":[],"unanswered_in_a_row":0}');
INSERT INTO standings VALUES ('1', '5215550000002', NULL, '{"grant":null,"absence":"never_given","decided":null,"requests":[],"connected":[],"unanswered_in_a_row":2}');
INSERT INTO standings VALUES ('1', '5215550000003', NULL, '{"grant":null,"absence":"never_given","decided":null,"requests":["2026-07-02T13:46:40Z"],"connected":[],"unanswered_in_a_row":0}');
INSERT INTO windows VALUES ('1', '5215550000001', 1783086400000, 1);
INSERT INTO windows VALUES ('1', '5215550000002', 1783086500000, 0);
