"""The tables of a directory: every version as the steps that make it from the one before."""

STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE nodes (
            path TEXT PRIMARY KEY, host TEXT NOT NULL, initiator TEXT NOT NULL,
            environment TEXT NOT NULL, service TEXT NOT NULL,
            digest TEXT NOT NULL, environment_digest TEXT NOT NULL, service_digest TEXT NOT NULL,
            binding TEXT NOT NULL, release INTEGER NOT NULL, open TEXT NOT NULL, problem TEXT NOT NULL,
            "values" TEXT NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE hosts (
            name TEXT PRIMARY KEY, stub TEXT NOT NULL, kind TEXT NOT NULL, root TEXT NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE runs (
            run TEXT PRIMARY KEY, path TEXT NOT NULL, bundle TEXT NOT NULL, started TEXT NOT NULL,
            finished TEXT, counts TEXT
        )""",
    ),
    (
        "ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'apply'",
        "ALTER TABLE runs ADD COLUMN who TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE runs ADD COLUMN selection TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE runs ADD COLUMN back_to TEXT NOT NULL DEFAULT ''",
        """CREATE TABLE changes (
            run TEXT NOT NULL, path TEXT NOT NULL, outcome TEXT NOT NULL, host TEXT NOT NULL,
            message TEXT NOT NULL, before_release INTEGER NOT NULL, before_digest TEXT NOT NULL,
            "release" INTEGER NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (run, path)
        ) WITHOUT ROWID""",
        """CREATE TABLE leases (
            run TEXT PRIMARY KEY, kind TEXT NOT NULL, paths TEXT NOT NULL, who TEXT NOT NULL,
            started TEXT NOT NULL, machine TEXT NOT NULL, pid INTEGER NOT NULL, expires REAL NOT NULL
        ) WITHOUT ROWID""",
    ),
    ("ALTER TABLE nodes ADD COLUMN held TEXT NOT NULL DEFAULT ''",),
    (
        """CREATE TABLE rollouts (
            run TEXT NOT NULL UNIQUE, standing TEXT NOT NULL, wish TEXT NOT NULL DEFAULT '',
            who TEXT NOT NULL DEFAULT ''
        )""",
    ),
    ("ALTER TABLE nodes ADD COLUMN drift TEXT NOT NULL DEFAULT '[]'",),
    (
        "ALTER TABLE runs ADD COLUMN saved TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE leases ADD COLUMN released TEXT NOT NULL DEFAULT ''",
    ),
    ("ALTER TABLE rollouts ADD COLUMN planned TEXT NOT NULL DEFAULT '[]'",),
    ("ALTER TABLE runs ADD COLUMN signers TEXT NOT NULL DEFAULT '[]'",),
)

VERSION = len(STEPS)
