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
    attempts  TEXT NOT NULL DEFAULT '[]',
    call_id   TEXT,
    ord       INTEGER NOT NULL DEFAULT 0,
    ready     INTEGER NOT NULL DEFAULT 0,
    tried     INTEGER NOT NULL DEFAULT 0,
    yields    INTEGER NOT NULL DEFAULT 0,
    faults    TEXT NOT NULL DEFAULT '[]',
    synthetic INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX IF NOT EXISTS webhooks_untried ON webhooks (lane, ord)
    WHERE state = 'pending' AND NOT tried;

CREATE INDEX IF NOT EXISTS webhooks_ready ON webhooks (target, due_ms)
    WHERE state = 'pending' AND ready;

CREATE INDEX IF NOT EXISTS webhooks_due ON webhooks (due_ms) WHERE state = 'pending' AND ready;

CREATE INDEX IF NOT EXISTS webhooks_of_call ON webhooks (call_id) WHERE call_id IS NOT NULL;

CREATE TABLE IF NOT EXISTS chat_entries (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    chat  TEXT NOT NULL,
    id    TEXT NOT NULL,
    json  TEXT NOT NULL,
    UNIQUE (chat, id)
);
