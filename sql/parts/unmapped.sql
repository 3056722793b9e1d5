    -- What is read has just come, or is much, and is read once.
    min_bytes_to_use_mmap_io = 0
