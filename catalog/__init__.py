"""What each customer has bought: organizations and their tokens, customers, zones, entitlements, licenses, instances.

A file per noun holds its model and its repository; queries live nowhere else. `grants` answers the hot path from a
cache, and `feed` evicts it on every replica within a second of an edit.
"""
