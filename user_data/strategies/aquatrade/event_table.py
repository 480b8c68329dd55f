"""The table of the event log, and what keeps everybody from changing its rows."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

FIRST_PREVIOUS_HASH = "0" * 64
ROWS_AT_ONCE = 500

_SEQ = BigInteger().with_variant(Integer(), "sqlite")  # there the row's own number
LARGEST_SEQ = 2**63 - 1

metadata = MetaData()
events_table = Table(
    "risk_events",
    metadata,
    Column("seq", _SEQ, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("origin_seq", BigInteger),
    Column("kind", Text, nullable=False),
    Column("pair", Text),
    Column("candle_us", BigInteger),
    Column("text", Text, nullable=False),
    Column("data", Text, nullable=False),
    # Unique: no two rows follow the same one, so the chain cannot fork.
    Column("previous_hash", String(64), nullable=False, unique=True),
    Column("hash", String(64), nullable=False),
    Index("risk_events_of_origin", "origin", "origin_seq", unique=True),
    Index("risk_events_about", "pair", "candle_us"),
    Index("risk_events_of_kind", "kind", "seq"),
)

# INSERT OR REPLACE removes rows without asking a trigger on DELETE: the one on INSERT sees it.
SQLITE_TRIGGERS = (
    """CREATE TRIGGER IF NOT EXISTS risk_events_no_update BEFORE UPDATE ON risk_events
    BEGIN SELECT RAISE(ABORT, 'risk_events is append-only: no row is changed'); END""",
    """CREATE TRIGGER IF NOT EXISTS risk_events_no_delete BEFORE DELETE ON risk_events
    BEGIN SELECT RAISE(ABORT, 'risk_events is append-only: no row is deleted'); END""",
    f"""CREATE TRIGGER IF NOT EXISTS risk_events_append_only BEFORE INSERT ON risk_events
    WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM risk_events)
    OR NEW.previous_hash IS NOT coalesce(
        (SELECT hash FROM risk_events ORDER BY seq DESC LIMIT 1), '{FIRST_PREVIOUS_HASH}')
    OR EXISTS (SELECT 1 FROM risk_events
        WHERE origin = NEW.origin AND origin_seq = NEW.origin_seq)
    BEGIN SELECT RAISE(ABORT, 'risk_events is append-only: not the next row'); END""",
)
