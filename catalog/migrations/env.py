"""How Alembic reaches the catalog: on the connection, and inside the transaction, that `catalog.database` opened."""

from alembic import context

from catalog.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
