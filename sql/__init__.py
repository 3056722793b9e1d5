"""ClickHouse: its schema (`migrations/`), its questions (`queries/`), and the one way to it (`clickhouse`)."""
