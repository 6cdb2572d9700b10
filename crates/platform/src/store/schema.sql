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

CREATE INDEX IF NOT EXISTS webhooks_settled ON webhooks (seq) WHERE state <> 'pending';

CREATE INDEX IF NOT EXISTS webhooks_of_call ON webhooks (call_id) WHERE call_id IS NOT NULL;

CREATE TABLE IF NOT EXISTS chat_entries (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    chat  TEXT NOT NULL,
    id    TEXT NOT NULL,
    json  TEXT NOT NULL,
    UNIQUE (chat, id)
);

CREATE TABLE IF NOT EXISTS ended_calls (
    id           TEXT PRIMARY KEY,
    account      TEXT NOT NULL,
    number       TEXT NOT NULL,
    phone        TEXT NOT NULL,
    user         TEXT NOT NULL,
    direction    TEXT NOT NULL,
    country      TEXT,
    at_ms        INTEGER NOT NULL,
    ended_ms     INTEGER NOT NULL,
    connected_ms INTEGER,
    is_billed    INTEGER NOT NULL DEFAULT 0,
    cost         TEXT,
    currency     TEXT
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS ended_calls_connected
    ON ended_calls (account, at_ms, id) WHERE connected_ms IS NOT NULL;

CREATE INDEX IF NOT EXISTS ended_calls_of_number
    ON ended_calls (number, direction, ended_ms, connected_ms);

CREATE INDEX IF NOT EXISTS ended_calls_of_pair ON ended_calls (number, user, ended_ms);

CREATE TABLE IF NOT EXISTS meters (
    owner  TEXT NOT NULL,
    what   TEXT NOT NULL,
    month  TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (owner, what, month)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS sent_messages (
    id       TEXT PRIMARY KEY,
    account  TEXT NOT NULL,
    number   TEXT NOT NULL,
    user     TEXT NOT NULL,
    call     TEXT,
    category TEXT NOT NULL,
    charge   TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    cost     TEXT,
    currency TEXT
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS sent_messages_of_call
    ON sent_messages (call, at_ms) WHERE call IS NOT NULL;

CREATE INDEX IF NOT EXISTS sent_messages_of_account ON sent_messages (account, at_ms, id);

CREATE TABLE IF NOT EXISTS feedback (
    number    TEXT NOT NULL,
    user      TEXT NOT NULL,
    kind      TEXT NOT NULL,
    direction TEXT NOT NULL,
    at_ms     INTEGER NOT NULL,
    PRIMARY KEY (number, user, kind)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS feedback_of_number ON feedback (number, direction, at_ms);

CREATE INDEX IF NOT EXISTS chat_entries_by_id ON chat_entries (id);
