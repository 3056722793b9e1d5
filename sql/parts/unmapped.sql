    -- What is read has just come, and is read once.
    min_bytes_to_use_mmap_io = 0
