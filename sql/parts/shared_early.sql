    -- Each instance has a granule of its own next to the page's place: they are many, though little, and two threads share
    -- them. Both bounds hold.
    merge_tree_min_rows_for_concurrent_read = 16384,
    merge_tree_min_bytes_for_concurrent_read = 1048576
