-- What happened, task by task; only ever added to.
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY,
    task TEXT NOT NULL,
    time TEXT NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT
)
