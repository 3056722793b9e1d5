"""What both edges share of the HTTP contract: how a body is read, and how usage is answered or refused."""
