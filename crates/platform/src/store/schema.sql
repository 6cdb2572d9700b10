CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL,
    id   TEXT NOT NULL,
    seq  INTEGER NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS documents_in_order ON documents (kind, seq);

CREATE TABLE IF NOT EXISTS webhooks (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT NOT NULL UNIQUE,
    target    TEXT NOT NULL,
    lane      TEXT NOT NULL,
    field     TEXT NOT NULL,
    url       TEXT,
    body      TEXT NOT NULL,
    signature TEXT NOT NULL,
    made_ms   INTEGER NOT NULL,
    state     TEXT NOT NULL,
    due_ms    INTEGER NOT NULL,
    attempts  TEXT NOT NULL DEFAULT '[]'
);

CREATE INDEX IF NOT EXISTS webhooks_waiting ON webhooks (lane, seq) WHERE state = 'pending';

CREATE TABLE IF NOT EXISTS chat_entries (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    chat  TEXT NOT NULL,
    id    TEXT NOT NULL,
    json  TEXT NOT NULL,
    UNIQUE (chat, id)
);
